"""Maintenance windows: times in which no schedule starts anything."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, NamedTuple

from .schedule import MINUTE, Schedule, parse_schedule


class Window(NamedTuple):
    """Once, from `since` until `until`; or again and again: `length` seconds from each slot of `schedule`."""

    why: str
    jobs: frozenset[str] | None
    """None means every job of the box."""
    since: float = 0.0
    until: float = 0.0
    schedule: Schedule | None = None
    length: float = 0.0

    def holds(self, job: str, now: float) -> bool:
        """Whether it holds this job back at this moment (epoch seconds)."""
        if self.jobs is not None and job not in self.jobs:
            return False
        if self.schedule is None:
            return self.since <= now < self.until
        minute = int(now // MINUTE) * MINUTE
        return now < _begun_by(self.schedule, self.length, minute) + self.length


@lru_cache(maxsize=64)
def _begun_by(schedule: Schedule, length: float, minute: int) -> float:
    """When the window began that may still hold in this minute; long ago if there is none."""
    first = minute - int(length) - MINUTE
    return next((m for m in range(minute, first, -MINUTE) if schedule.matches(time.localtime(m))), -length)


def parse_window(raw: dict[str, Any]) -> Window:
    """One window of the table. Raises KeyError, TypeError or ValueError."""
    jobs = raw.get("jobs")
    schedule = raw.get("schedule")
    return Window(
        why=str(raw.get("why", "")),
        jobs=None if jobs is None else frozenset(map(str, jobs)),
        since=float(raw.get("since", 0.0)),
        until=float(raw.get("until", 0.0)),
        schedule=None if schedule is None else parse_schedule(schedule),
        length=float(raw.get("length", 0.0)),
    )
