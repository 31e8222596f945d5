"""What outlives the container beside the log itself: the log's id, and pauses."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from .files import read_json_object, write_whole
from .segments import ACTIVE, finished_segments

WHOLE_BOX = ""
"""Stands for all jobs where pauses are keyed by job."""


def new_id() -> str:
    """16 random hex digits: a run's, a boot's or a log's id."""
    return os.urandom(8).hex()


class Pause(NamedTuple):
    """A job, or the whole box, is not to be started by its schedule."""

    until: float | None
    """Epoch seconds; None means until it is resumed."""
    why: str
    by: str


class State(NamedTuple):
    """The content of /log/state.json. `pauses` is keyed by job name; WHOLE_BOX is all of them."""

    log_id: str
    pauses: dict[str, Pause]


def load_state(path: str, log_dir: str) -> State:
    """What an earlier life saved. The log's id is new if there is no log, and in it if the state is gone."""
    try:
        raw = read_json_object(path)
    except (OSError, ValueError):
        raw = {}
    pauses = {job: Pause(*fields) for job, fields in raw.get("pauses", {}).items()}
    known = raw.get("log_id") or _logged_id(log_dir)
    return State(known if known and _has_events(log_dir) else new_id(), pauses)


def save_state(path: str, state: State) -> None:
    """Raises OSError; then the earlier state stands."""
    raw: dict[str, Any] = {"log_id": state.log_id, "pauses": state.pauses}
    write_whole(path, json.dumps(raw).encode())


def _has_events(log_dir: str) -> bool:
    try:
        return bool(finished_segments(log_dir)) or os.stat(f"{log_dir}/{ACTIVE}").st_size > 0
    except FileNotFoundError:
        return False


def _logged_id(log_dir: str) -> str | None:
    """The id in the oldest `boot` event that is still there."""
    paths = [segment.path for segment in finished_segments(log_dir)] + [f"{log_dir}/{ACTIVE}"]
    for path in filter(os.path.exists, paths):
        with open(path, "rb") as file:
            for line in file:
                if b'"type":"boot"' in line and line.endswith(b"}\n"):
                    return str(json.loads(line)["log_id"])
    return None
