"""What outlives the container beside the log itself: the log's id, and a snapshot of the history.

The snapshot names the `seq` it stands for. What the log says after it is read again at the next boot, so a
snapshot may be some seconds old, and even be lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from .files import read_json_object, write_whole
from .history import History, as_raw, from_raw
from .request import request_of
from .segments import ACTIVE, HIGHEST, LONGEST_LINE, finished_segments, seq_of
from .table import Job

SILENT = (b'"type":"output"', b'"type":"tick"')
"""Events that say nothing to the history, and are most of the log."""
HEAD_BYTES = 100
"""Within so many bytes of its begin, a line says its type."""
NOBODYS = Job("", "", "", None, (), None, None, 0.0, "", None, 0, frozenset(), False)
"""Stands for the job of a run where only the run is looked at."""


def new_id() -> str:
    """16 random hex digits: a run's, a boot's or a log's id."""
    return os.urandom(8).hex()


class State(NamedTuple):
    """The content of /log/state.json, brought up to date with the log."""

    log_id: str
    history: History
    seq: int = 0
    """The last event that the snapshot knew of this log."""


def load_state(path: str, log_dir: str) -> State:
    """What earlier lives left. The log's id is new if there is no log, and in it if the state is gone."""
    try:
        raw = read_json_object(path)
    except (OSError, ValueError, RecursionError):
        raw = {}
    known = raw.get("log_id") or _logged_id(log_dir)
    log_id = known if known and _has_events(log_dir) else new_id()
    history, seq = _snapshot(raw)
    for event in events_after(log_dir, seq):
        history.take(event["type"], event, event["t"])
    return State(log_id, history, seq if log_id == known else 0)


def save_state(path: str, state: State, seq: int, *, durable: bool = True) -> None:
    """`seq`: the last event that the history knows. Raises OSError; then the earlier state stands."""
    raw: dict[str, Any] = {"log_id": state.log_id, "seq": seq, "history": as_raw(state.history)}
    write_whole(path, json.dumps(raw).encode(), durable=durable)


def _snapshot(raw: dict[str, Any]) -> tuple[History, int]:
    try:
        return from_raw(raw["history"]), min(int(raw["seq"]), HIGHEST)
    except (AttributeError, KeyError, TypeError, ValueError):
        return History(), 0


def events_after(log_dir: str, seq: int) -> Iterator[dict[str, Any]]:
    """The events with a higher `seq` that may matter to a history, oldest first; broken lines left out."""
    segments = finished_segments(log_dir)
    older = sum(1 for segment in segments if segment.first <= seq)
    paths = [segment.path for segment in segments[max(0, older - 1) :]] + [f"{log_dir}/{ACTIVE}"]
    for path in filter(os.path.exists, paths):
        with open(path, "rb") as file:
            while line := file.readline(LONGEST_LINE):
                if not any(kind in line[:HEAD_BYTES] for kind in SILENT) and (event := _event(line, seq)):
                    yield event


def _event(line: bytes, after: int) -> dict[str, Any] | None:
    number = seq_of(line.rstrip(b"\n"))
    if number is None or number <= after:
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and _makes_sense(event) else None


def _makes_sense(event: dict[str, Any]) -> bool:
    """Whether an agent can have written this. Others may write into the log, and a boot must survive it."""
    words = [event.get("type"), event.get("t")]
    try:
        match event.get("type"):
            case "queued" | "started" | "skipped":
                words += [event["run"], event["job"], request_of(event, NOBODYS).run]
                float(event.get("due") or 0.0)
            case "finished":
                words += [event["run"], event["status"]]
            case "boot":
                words.append(event["log_id"])
        if not all(isinstance(word, str) for word in words):
            return False
        History().take(event["type"], event, event["t"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return False
    return True


def _has_events(log_dir: str) -> bool:
    try:
        return bool(finished_segments(log_dir)) or os.stat(f"{log_dir}/{ACTIVE}").st_size > 0
    except FileNotFoundError:
        return False


def _logged_id(log_dir: str) -> str | None:
    """The id in the oldest `boot` event that is still there."""
    boots = (event for event in events_after(log_dir, 0) if event["type"] == "boot")
    return next((str(boot["log_id"]) for boot in boots), None)
