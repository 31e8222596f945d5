"""What cron will start, and when: the schedules of many jobs merged into one list."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice, takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, Any, assert_never
from zoneinfo import ZoneInfo

from cronbox.model.event import format_time
from cronbox.model.fields import Schedule
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.schedule import BEFORE, Remark, Start, starts
from cronbox.ops.check import Group, parsed
from cronbox.ops.holds import held

if TYPE_CHECKING:
    from cronbox.config import BoxConfig
    from cronbox.store import Pause

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One start. `slot` is the minute in which cron really makes it, aware UTC; `zone` is its schedule's."""

    slot: datetime
    box: str
    """Empty for a crontab that belongs to no box."""
    job: str
    zone: ZoneInfo
    wall: datetime
    """The minute that the schedule names, by the clock on the wall (naive)."""
    remark: Remark | None = None
    held: str | None = None
    """Why it will be skipped, as far as is known now."""

    @property
    def name(self) -> str:
        """`box/job`, or the job alone."""
        return f"{self.box}/{self.job}" if self.box else self.job

    @property
    def remark_words(self) -> str:
        """What one may not expect of it; empty where there is nothing to say."""
        return "; ".join(filter(None, (self._clock_words, self.held and f"skipped, {self.held}")))

    @property
    def _clock_words(self) -> str:
        match self.remark:
            case Remark.GAP:
                return f"the clock skips {self.wall:%H:%M}"
            case Remark.REPEATED:
                return f"{self.wall:%H:%M} for the second time"
            case None:
                return ""
            case _:
                assert_never(self.remark)

    def as_json(self) -> dict[str, Any]:
        """`remark` and `held` are there only where there is one."""
        remark = {"remark": self.remark.value} if self.remark else {}
        held = {"held": self.held} if self.held else {}
        return {"box": self.box or None, "job": self.job, "slot": format_time(self.slot), **remark, **held}


@dataclass(frozen=True, slots=True)
class Timetable:
    """Jobs with the zone of their schedules, and the files that cron would not load, ready to be told."""

    jobs: tuple[tuple[Job, ZoneInfo], ...]
    refused: tuple[str, ...]


def timetable(groups: Sequence[Group], zone: ZoneInfo | None) -> Timetable:
    """What the crontabs say that cron is to start. `zone` stands in for the boxes' own.

    Of a file with a line that cron refuses, cron starts nothing; so none of its jobs is here.
    """
    jobs: list[tuple[Job, ZoneInfo]] = []
    refused: dict[str, str] = {}
    for group in groups:
        crontabs = parsed(group)
        refused |= {each.file: error for each in crontabs if (error := each.cron_error())}
        name, own, policy = (
            (group.box.name, group.box.zone, group.box.policy) if group.box else ("", UTC, Policy())
        )
        for job in jobs_of(crontabs, box=name, defaults=policy):
            if job.source.file not in refused and not job.schedule.reboot:
                jobs.append((job, zone or own))
    return Timetable(tuple(jobs), tuple(_told(file, error) for file, error in refused.items()))


def _told(file: str, error: str) -> str:
    return f"{file}: cron would load none of it ({error}); `cronbox check {file}` explains"


def upcoming(
    table: Timetable, *, since: datetime, until: datetime | None, limit: int | None
) -> Iterator[Upcoming]:
    """Every start from `since` on, before `until`, in the order of time, at most `limit`.

    Two starts of one job in one minute are two.
    """
    merged = heapq.merge(*_streams(table, since), key=_slot)
    wanted = takewhile(lambda found: until is None or _slot(found) < until, merged)
    return islice(_in_order(wanted), limit)


def counted(table: Timetable, *, since: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    """Minutes (aware UTC) with how many jobs start in them, in no order and a minute more than once."""
    for stream in _streams(table, since):
        for start, _, jobs in takewhile(lambda found: _slot(found) < until, stream):
            yield start.at, len(jobs)


def with_holds(
    found: Iterable[Upcoming], table: Timetable, boxes: Mapping[str, BoxConfig], pauses: Sequence[Pause]
) -> Iterator[Upcoming]:
    """The starts of boxes, each with what will hold it back, as far as is known now."""
    jobs = {job.key: job for job, _ in table.jobs}
    of_box = {name: [pause for pause in pauses if pause.box == name] for name in boxes}
    for start in found:
        hold = None
        if start.box in boxes:
            hold = held(jobs[start.name], boxes[start.box], of_box[start.box], at=start.slot)
        yield start if hold is None else replace(start, held=hold.why)


def shared_zone(groups: Sequence[Group]) -> ZoneInfo:
    """The zone of all these boxes if they have one zone, else UTC."""
    zones = {group.box.zone if group.box else UTC for group in groups}
    return zones.pop() if len(zones) == 1 else UTC


_Found = tuple[Start, ZoneInfo, list[Job]]
"""A start, and the jobs that share it: those with the same schedule are looked up once."""


def _slot(found: _Found) -> datetime:
    return found[0].at


def _streams(table: Timetable, since: datetime) -> Iterator[Iterator[_Found]]:
    """For each schedule and zone that there is, its starts."""
    sharing: dict[tuple[Schedule, ZoneInfo], list[Job]] = defaultdict(list)
    for job, zone in table.jobs:
        sharing[job.schedule, zone].append(job)
    for (schedule, zone), jobs in sharing.items():
        yield _starts(schedule, zone, jobs, since)


def _starts(schedule: Schedule, zone: ZoneInfo, jobs: list[Job], since: datetime) -> Iterator[_Found]:
    return ((start, zone, jobs) for start in starts(schedule, zone, since - BEFORE))


def _in_order(merged: Iterable[_Found]) -> Iterator[Upcoming]:
    """Those of one minute by name."""
    for _, together in groupby(merged, key=_slot):
        minute = [
            Upcoming(start.at, job.box, job.name, zone, start.wall, start.remark)
            for start, zone, jobs in together
            for job in jobs
        ]
        yield from sorted(minute, key=attrgetter("box", "job", "wall"))
