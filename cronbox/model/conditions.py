"""Conditions: what is not as it should be, with a name, from when it opens to when it closes.

`wanted(facts)` decides which are open; `difference` what that changes. Both are pure, so that the same facts
always lead to the same conditions, and who asks twice changes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cronbox.model.durations import format_duration
from cronbox.model.event import format_time
from cronbox.model.expected import Meant
from cronbox.model.run import Run, Status, Trigger

TICK_LIMIT = timedelta(seconds=90)
"""cron ticks each minute; a tick older than this proves nothing any more."""
LAG_LIMIT = timedelta(seconds=60)
SKEW_LIMIT_S = 5.0
SETTLE = timedelta(seconds=10)
"""How long a box may take to be what it should be, after a boot, or between two containers."""
LONG_FACTOR = 3.0
LONG_AT_LEAST_S = 60.0
"""A run is not called unusually long before it took so much more than usual."""


Found = Callable[["Kind", datetime | None, str], "Condition"]


class Kind(StrEnum):
    BOX_DOWN = "box_down"
    CRON_DEAD = "cron_dead"
    NO_TICK = "no_tick"
    CRONTAB_NOT_LOADED = "crontab_not_loaded"
    INGEST_LAGGING = "ingest_lagging"
    CLOCK_SKEW = "clock_skew"
    MISSED = "missed"
    LATE = "late"
    OVERRUN = "overrun"
    UNUSUALLY_LONG = "unusually_long"


OF_CRON = frozenset({Kind.CRON_DEAD, Kind.NO_TICK, Kind.CRONTAB_NOT_LOADED})
OF_A_JOB = frozenset({Kind.MISSED, Kind.LATE, Kind.OVERRUN, Kind.UNUSUALLY_LONG})


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be. `job` is empty where it is about the box. Aware UTC."""

    box: str
    job: str
    kind: Kind
    since: datetime
    text: str
    until: datetime | None = None
    """When it ended; None while it is open."""

    @property
    def key(self) -> tuple[str, str, Kind]:
        """Of one key there is one open condition at most."""
        return self.box, self.job, self.kind

    @property
    def target(self) -> str:
        """`box/job`, or the box."""
        return f"{self.box}/{self.job}" if self.job else self.box

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "job": self.job or None,
            "since": format_time(self.since),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class ConditionChange:
    """A condition that has opened, or, with `until`, closed."""

    condition: Condition

    @property
    def opened(self) -> bool:
        return self.condition.until is None


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is known of a box at `now`. `present` is whether it has a container; `read` whether all that its
    log holds is in the store. `loaded_at` and `cron_at` are when its agent last took a crontab, and last
    started cron."""

    box: str
    now: datetime
    wanted: bool
    present: bool
    running: bool
    paused: bool
    read: bool
    heard_at: datetime | None
    booted_at: datetime | None
    stopped_at: datetime | None
    cron_alive: bool
    tick_at: datetime | None
    tick: str | None
    loaded: str | None
    loaded_at: datetime | None
    started_at: datetime | None = None
    """When its container started, as the engine says."""
    cron_at: datetime | None = None
    skew_s: float | None = None
    """How far its clock is ahead of ours."""

    def ago(self, moment: datetime) -> timedelta:
        """How long ago something was that its own clock told the time of."""
        ahead = timedelta(seconds=self.skew_s) if self.skew_s is not None and self.is_skewed else timedelta()
        return self.now + ahead - moment

    @property
    def is_skewed(self) -> bool:
        return self.skew_s is not None and abs(self.skew_s) > SKEW_LIMIT_S


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is known of a job: its newest slot's first attempt, and what of it still runs, or waits to."""

    meant: Meant
    newest: Run | None
    running: tuple[Run, ...] = ()
    typical_s: float | None = None
    """What it usually takes; None where that is not known."""
    waiting: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    opened: tuple[Condition, ...] = ()
    closed: tuple[Condition, ...] = ()
    retold: tuple[Condition, ...] = ()
    """Open ones whose text has changed."""

    @property
    def changes(self) -> list[ConditionChange]:
        """What somebody may want to be told of."""
        return [ConditionChange(condition) for condition in (*self.opened, *self.closed)]

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.retold)


def wanted(box: BoxFacts, jobs: Iterable[JobFacts]) -> list[Condition]:
    """The conditions that are open by these facts; of a box that is put down, none. What jobs do is not told
    of a box whose log could not be read."""
    if not box.wanted:
        return []
    return [*_of_box(box), *(found for job in jobs if box.read for found in _of_job(box, job))]


def undecided(box: BoxFacts) -> frozenset[Kind]:
    """The kinds of which these facts do not show that all is well. What is open of them stays open, for it
    would be untrue to tell that it is over: a cron that was dead does not come to life by the box's death."""
    if not box.wanted:
        return frozenset()
    if not box.read:
        return OF_CRON | OF_A_JOB | {Kind.INGEST_LAGGING}
    if not box.running or not _settled(box):
        return OF_CRON | {Kind.BOX_DOWN}
    if not box.cron_alive or not _ticks(box):
        return frozenset({Kind.NO_TICK, Kind.CRONTAB_NOT_LOADED})
    return frozenset() if box.tick == box.loaded else frozenset({Kind.CRONTAB_NOT_LOADED})


def difference(
    present: Mapping[tuple[str, str, Kind], Condition],
    wanted: Sequence[Condition],
    *,
    now: datetime,
    undecided: Set[Kind] = frozenset(),
) -> Difference:
    """From the open conditions to those that should be. One that stays keeps when it began; one that is
    undecided stays."""
    by_key = {condition.key: condition for condition in wanted}
    return Difference(
        opened=tuple(new for key, new in by_key.items() if key not in present),
        closed=tuple(
            replace(old, until=max(now, old.since))
            for key, old in present.items()
            if key not in by_key and old.kind not in undecided
        ),
        retold=tuple(
            replace(old, text=by_key[key].text)
            for key, old in present.items()
            if key in by_key and by_key[key].text != old.text
        ),
    )


def _of_box(box: BoxFacts) -> Iterator[Condition]:
    def found(kind: Kind, since: datetime | None, text: str) -> Condition:
        return Condition(box.box, "", kind, min(since or box.now, box.now), text)

    if not box.running:
        ended = box.stopped_at or box.heard_at
        if ended is None or box.ago(ended) > SETTLE:
            yield found(Kind.BOX_DOWN, ended, _down_words(box))
    elif not box.read:
        if box.heard_at is not None and box.ago(box.heard_at) > LAG_LIMIT:
            yield found(Kind.INGEST_LAGGING, box.heard_at, "what the box has logged cannot be read")
    elif _settled(box):
        yield from _of_cron(box, found)
    if box.skew_s is not None and box.is_skewed:
        way = "ahead of" if box.skew_s > 0 else "behind"
        yield found(Kind.CLOCK_SKEW, None, f"the box's clock is {way} the daemon's by more than 5 s")


def _down_words(box: BoxFacts) -> str:
    if not box.present:
        return "the box has no container"
    return "the engine has paused the box" if box.paused else "the box does not run"


def _settled(box: BoxFacts) -> bool:
    """Whether it has run for long enough: by its log, of which the newest may not be read yet, and by its
    engine."""
    begun = (box.booted_at, box.started_at)
    return box.booted_at is not None and all(at is None or box.ago(at) > SETTLE for at in begun)


def _ticks(box: BoxFacts) -> bool:
    return box.tick_at is not None and box.ago(box.tick_at) <= TICK_LIMIT


def _of_cron(box: BoxFacts, found: Found) -> Iterator[Condition]:
    """What ails cron in a box that runs, and whose log is read."""
    begun = max(filter(None, (box.booted_at, box.loaded_at, box.cron_at)), default=box.now)
    if not box.cron_alive:
        yield found(Kind.CRON_DEAD, box.tick_at or box.booted_at, "cron is dead in the box")
    elif box.loaded is None or box.ago(begun) <= TICK_LIMIT:
        return
    elif not _ticks(box):
        yield found(Kind.NO_TICK, box.tick_at or begun, "cron has not ticked for more than 90 s")
    elif box.tick != box.loaded:
        yield found(
            Kind.CRONTAB_NOT_LOADED, box.loaded_at, "cron has not loaded the crontab that was installed"
        )


def _of_job(box: BoxFacts, job: JobFacts) -> Iterator[Condition]:
    def found(kind: Kind, since: datetime, text: str) -> Condition:
        return Condition(box.box, job.meant.job, kind, since, text)

    newest, allowed = job.newest, timedelta(seconds=job.meant.grace_s + job.meant.delay_s)
    if newest is not None and newest.scheduled_for is not None and newest.status is Status.MISSED:
        slot = newest.scheduled_for
        yield found(Kind.MISSED, slot, f"the slot {format_time(slot)} did not run: {newest.reason}")
    if (late := _late(box, job, allowed)) is not None:
        slot, text = late
        yield found(Kind.LATE, slot + allowed, f"the slot {format_time(slot)} {text}")
    for kind, limit, text in _limits(job):
        over = [run for run in job.running if run.started_at and box.ago(run.started_at) > limit]
        if over:
            first = min(over, key=lambda run: (run.started_at, run.id))
            assert first.started_at is not None, "it runs"
            yield found(kind, first.started_at + limit, f"run {first.id[:8]} {text}")


def _late(box: BoxFacts, job: JobFacts, allowed: timedelta) -> tuple[datetime, str] | None:
    """The slot that is late, and how: the oldest that waits, else the newest, if it started late."""
    for run in sorted(job.waiting, key=lambda run: (run.at, run.id)):
        if run.trigger is Trigger.CRON and run.scheduled_for and box.ago(run.scheduled_for) > allowed:
            return run.scheduled_for, f"waits for its turn: {run.reason}"
    newest = job.newest
    if newest is None or newest.trigger is not Trigger.CRON:
        return None
    slot, started = newest.scheduled_for, newest.started_at
    if slot is None or started is None or started - slot <= allowed:
        return None
    return slot, f"started {format_duration(round((started - slot).total_seconds()))} late"


def _limits(job: JobFacts) -> Iterator[tuple[Kind, timedelta, str]]:
    """How long a run of the job may take before which condition opens."""
    if (limit := job.meant.max_runtime_s) is not None:
        text = f"goes on beyond its max-runtime of {format_duration(limit)}"
        yield Kind.OVERRUN, timedelta(seconds=limit), text
    if job.typical_s is not None:
        usual = format_duration(max(1, round(job.typical_s)))
        yield Kind.UNUSUALLY_LONG, long_after(job.typical_s), f"goes on, and mostly it takes {usual}"


def long_after(typical_s: float) -> timedelta:
    """After how long a run is unusually long."""
    return timedelta(seconds=max(LONG_FACTOR * typical_s, typical_s + LONG_AT_LEAST_S))
