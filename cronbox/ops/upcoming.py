"""What cron will start, and when: the schedules of many jobs merged into one list."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from cronbox.model.event import format_time
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.schedule import fires
from cronbox.ops.check import Group, parsed

UTC = ZoneInfo("UTC")
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One start. `slot` is the minute in which cron really makes it, aware UTC; `zone` is its schedule's."""

    slot: datetime
    box: str
    """Empty for a crontab that belongs to no box."""
    job: str
    zone: ZoneInfo

    def as_json(self) -> dict[str, Any]:
        return {"box": self.box or None, "job": self.job, "slot": format_time(self.slot)}


def upcoming(
    groups: Sequence[Group],
    *,
    since: datetime,
    until: datetime | None,
    limit: int | None,
    zone: ZoneInfo | None,
) -> Iterator[Upcoming]:
    """Every start from `since` on, before `until`, in the order of time, at most `limit`.

    Two starts of one job in one minute are two. `zone` stands in for the boxes' own.
    """
    merged = heapq.merge(*(_starts(job, own, since) for job, own in _jobs(groups, zone)), key=_order)
    return islice(takewhile(lambda start: until is None or start.slot < until, merged), limit)


def _order(start: Upcoming) -> tuple[datetime, str, str]:
    return start.slot, start.box, start.job


def _jobs(groups: Iterable[Group], zone: ZoneInfo | None) -> Iterator[tuple[Job, ZoneInfo]]:
    """The jobs with the zone of their schedules: their box's, or UTC where they have none."""
    for group in groups:
        name, own, policy = (
            (group.box.name, group.box.zone, group.box.policy) if group.box else ("", UTC, Policy())
        )
        for job in jobs_of(parsed(group), box=name, defaults=policy):
            if not job.schedule.reboot:
                yield job, zone or own


def _starts(job: Job, zone: ZoneInfo, since: datetime) -> Iterator[Upcoming]:
    return (Upcoming(slot, job.box, job.name, zone) for slot in fires(job.schedule, zone, since - INSTANT))
