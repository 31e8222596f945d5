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

    def until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        return self.end if self.start <= at < self.end else None

    def as_table(self) -> dict[str, object]:
        return {"since": self.start.timestamp(), "until": self.end.timestamp()}


@dataclass(frozen=True, slots=True)
class Recurring:
    """For `length` seconds from each slot of a schedule, in the zone of the box it is for."""

    schedule: Schedule
    length: float

    def until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        begun = next(previous(self.schedule, zone, at + INSTANT), None)
        end = None if begun is None else begun + timedelta(seconds=self.length)
        return end if end is not None and at < end else None

    def as_table(self) -> dict[str, object]:
        return {"schedule": self.schedule.as_table(), "length": self.length}


@dataclass(frozen=True, slots=True)
class Window:
    """When, why, and for whom: `jobs` are `box` or `box/job`, empty for everything."""

    why: str
    when: Once | Recurring
    jobs: tuple[str, ...] = ()

    def until(self, box: str, job: str, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When it is over, if it holds this job back at a moment (aware UTC); None if it does not."""
        concerned = not self.jobs or box in self.jobs or f"{box}/{job}" in self.jobs
        return self.when.until(at, zone) if concerned else None

    def jobs_of(self, box: str) -> tuple[str | None, ...]:
        """The jobs of a box that it is about; a single None for all of them, nothing for none."""
        own = tuple(name.partition("/")[2] for name in self.jobs if name.partition("/")[0] == box)
        return (None,) if not self.jobs or "" in own else own

    def as_table(self, box: str) -> dict[str, object] | None:
        """How a box's agent reads it; None if it is not about this box."""
        jobs = self.jobs_of(box)
        if not jobs:
            return None
        return {"why": self.why, "jobs": None if None in jobs else jobs, **self.when.as_table()}
