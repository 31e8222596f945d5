"""Maintenance windows: times in which no schedule starts anything. A person may still run what they like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronbox.model.fields import Schedule
from cronbox.model.schedule import previous

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Once:
    """From `start`, before `end`; aware UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        return self.start <= at < self.end

    def as_table(self) -> dict[str, object]:
        return {"since": self.start.timestamp(), "until": self.end.timestamp()}


@dataclass(frozen=True, slots=True)
class Recurring:
    """For `length` seconds from each slot of a schedule, in the zone of the box it is for."""

    schedule: Schedule
    length: float

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        begun = next(previous(self.schedule, zone, at + INSTANT), None)
        return begun is not None and at < begun + timedelta(seconds=self.length)

    def as_table(self) -> dict[str, object]:
        return {"schedule": self.schedule.as_table(), "length": self.length}


@dataclass(frozen=True, slots=True)
class Window:
    """When, why, and for whom: `jobs` are `box` or `box/job`, empty for everything."""

    why: str
    when: Once | Recurring
    jobs: tuple[str, ...] = ()

    def concerns(self, box: str, job: str) -> bool:
        return not self.jobs or box in self.jobs or f"{box}/{job}" in self.jobs

    def as_table(self, box: str) -> dict[str, object] | None:
        """How a box's agent reads it; None if it is not about this box."""
        own = [name.partition("/")[2] for name in self.jobs if name.partition("/")[0] == box]
        if self.jobs and not own:
            return None
        jobs = None if not own or "" in own else own
        return {"why": self.why, "jobs": jobs, **self.when.as_table()}


def holding(windows: tuple[Window, ...], box: str, job: str, at: datetime, zone: ZoneInfo) -> Window | None:
    """The window that holds a job back at a moment (aware UTC)."""
    return next((w for w in windows if w.concerns(box, job) and w.when.holds(at, zone)), None)
