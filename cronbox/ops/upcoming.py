"""What cron will start, and when: the schedules of many jobs merged into one list."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, assert_never
from zoneinfo import ZoneInfo

from cronbox.model.event import format_time
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


def upcoming(
    groups: Sequence[Group],
    *,
    since: datetime,
    until: datetime | None,
    limit: int | None,
    zone: ZoneInfo | None,
    pauses: Sequence[Pause] = (),
) -> Iterator[Upcoming]:
    """Every start from `since` on, before `until`, in the order of time, at most `limit`.

    Two starts of one job in one minute are two. `zone` stands in for the boxes' own.
    """
    of_jobs = (
        _held_or_not(_starts(job, own, since), job, box, pauses) for job, own, box in _jobs(groups, zone)
    )
    merged = heapq.merge(*of_jobs, key=_order)
    return islice(takewhile(lambda start: until is None or start.slot < until, merged), limit)


def shared_zone(groups: Sequence[Group]) -> ZoneInfo:
    """The zone of all these boxes if they have one zone, else UTC."""
    zones = {group.box.zone if group.box else UTC for group in groups}
    return zones.pop() if len(zones) == 1 else UTC


def _order(start: Upcoming) -> tuple[datetime, str, str]:
    return start.slot, start.box, start.job


def _jobs(groups: Iterable[Group], zone: ZoneInfo | None) -> Iterator[tuple[Job, ZoneInfo, BoxConfig | None]]:
    """The jobs with the zone of their schedules: their box's, or UTC where they have none."""
    for group in groups:
        name, own, policy = (
            (group.box.name, group.box.zone, group.box.policy) if group.box else ("", UTC, Policy())
        )
        for job in jobs_of(parsed(group), box=name, defaults=policy):
            if not job.schedule.reboot:
                yield job, zone or own, group.box


def _held_or_not(
    starts: Iterator[Upcoming], job: Job, box: BoxConfig | None, pauses: Sequence[Pause]
) -> Iterator[Upcoming]:
    if box is None:
        return starts
    own = [pause for pause in pauses if pause.box == box.name]

    def looked_at(start: Upcoming) -> Upcoming:
        hold = held(job, box, own, at=start.slot)
        return start if hold is None else replace(start, held=hold.why)

    return map(looked_at, starts)


def _starts(job: Job, zone: ZoneInfo, since: datetime) -> Iterator[Upcoming]:
    def upcoming_start(start: Start) -> Upcoming:
        return Upcoming(start.at, job.box, job.name, zone, start.wall, start.remark)

    return map(upcoming_start, starts(job.schedule, zone, since - BEFORE))
