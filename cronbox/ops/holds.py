"""What holds a schedule back: pauses, as the boxes told of them, and the config's maintenance windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cronbox.model.event import format_time
from cronbox.model.schedule import fires

if TYPE_CHECKING:
    from cronbox.config import BoxConfig
    from cronbox.model.job import Job
    from cronbox.store import Pause

RESOLUTION = timedelta(microseconds=1)
MOST_HOLDS = 1000
"""So many holds one after the other are looked behind for a next start, and no more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A schedule starts nothing: why, as the slot's row will say, and until when (aware UTC)."""

    why: str
    until: datetime | None
    """None: until somebody resumes it."""
    by: str | None = None
    job: str | None = None
    """The job that it is about, None for all that it may be about."""

    def as_json(self) -> dict[str, Any]:
        until = format_time(self.until) if self.until else None
        return {"job": self.job, "why": self.why, "until": until, "by": self.by}


def in_force(pauses: Iterable[Pause], now: datetime) -> list[Pause]:
    """The pauses that have not run out."""
    return [pause for pause in pauses if pause.until is None or pause.until > now]


def holds_of(box: BoxConfig, pauses: Sequence[Pause], *, at: datetime) -> list[Held]:
    """All that holds the box or one of its jobs back at a moment, but for what its crontabs say."""
    found = [_paused(pause) for pause in in_force(pauses, at)]
    for window in box.windows:
        for job in window.jobs_of(box.name):
            if (until := window.until(box.name, job or "", at, box.zone)) is not None:
                found.append(Held(f"maintenance: {window.why}", until, job=job))
    return found


def _paused(pause: Pause) -> Held:
    return Held(f"paused: {pause.why or 'no reason given'}", pause.until, pause.by, pause.job)


def held(job: Job, box: BoxConfig, pauses: Sequence[Pause], *, at: datetime) -> Held | None:
    """What holds the job back at a moment, in the order in which its agent asks."""
    if job.policy.paused:
        return Held("paused: by its crontab", None)
    for pause in sorted(in_force(pauses, at), key=lambda pause: pause.job is None):
        if pause.job in (None, job.name):
            return _paused(pause)
    for window in box.windows:
        if (until := window.until(box.name, job.name, at, box.zone)) is not None:
            return Held(f"maintenance: {window.why}", until, job=job.name)
    return None


def next_start(job: Job, box: BoxConfig, pauses: Sequence[Pause], *, after: datetime) -> datetime | None:
    """The minute in which cron next starts the job and nothing holds it back."""
    if job.schedule.reboot:
        return None
    for _ in range(MOST_HOLDS):
        start = next(fires(job.schedule, box.zone, after), None)
        hold = None if start is None else held(job, box, pauses, at=start)
        if start is None or hold is None:
            return start
        if hold.until is None:
            return None
        after = max(start, hold.until - RESOLUTION)
    return None
