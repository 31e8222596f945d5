"""The lines of `/log/cron.log`, as the agent writes them: one JSON object a line.

Every event has `seq` (grows by one for the life of the log), `t` (aware, UTC) and `type`. The rest depends
on the type; docs/agent.md lists the fields. Unknown types and fields are kept, so that an older daemon can
read a newer agent's log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a box's log."""

    seq: int
    t: datetime
    type: str
    data: dict[str, Any]

    @property
    def run(self) -> str | None:
        """The id of the run it speaks of, if it speaks of one."""
        run = self.data.get("run")
        return run if isinstance(run, str) else None


def parse_time(text: str) -> datetime:
    """RFC 3339 with `Z` or an offset -> aware UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from None


def format_time(moment: datetime) -> str:
    """Aware datetime -> RFC 3339 UTC with `Z`, to the millisecond; whole seconds stay whole."""
    utc = moment.astimezone(UTC)
    spec = "milliseconds" if utc.microsecond else "seconds"
    return utc.isoformat(timespec=spec).replace("+00:00", "Z")


def parse_event(line: str | bytes) -> Event:
    """One line of the log -> Event. Raises ValueError for anything that is not one whole event."""
    try:
        raw = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply for an event") from None
    if not isinstance(raw, dict):
        raise ValueError("an event is a JSON object")
    try:
        seq, moment, kind = raw.pop("seq"), raw.pop("t"), raw.pop("type")
    except KeyError as missing:
        raise ValueError(f"an event needs {missing}") from None
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 < seq < 2**63:
        raise ValueError(f"seq is {seq!r}, not a positive number of 63 bits")
    if not isinstance(kind, str) or not isinstance(moment, str):
        raise ValueError("type and t are strings")
    return Event(seq=seq, t=parse_time(moment), type=kind, data=raw)
