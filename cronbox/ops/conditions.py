"""Conditions of a box and its jobs: gathered facts in, what opens and closes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import structlog

from cronbox.model.alert import Kind as Told
from cronbox.model.box import SeenBox
from cronbox.model.conditions import (
    LONG_AT_LEAST_S,
    BoxFacts,
    ConditionChange,
    JobFacts,
    difference,
    undecided,
    wanted,
)
from cronbox.model.conditions import Kind as Seen
from cronbox.model.event import format_time, parse_time
from cronbox.model.expected import Meant
from cronbox.model.run import Run, Status
from cronbox.model.values import SHORTEST_GRACE_S
from cronbox.ops import Site
from cronbox.ops.alert import note_condition
from cronbox.store import boxes, conditions, cursors, incidents, runs, schedules
from cronbox.store.database import Transaction

LATEST_RUNS = 20
RUNS_TO_JUDGE_BY = 5
DEFAULT_GRACE_S = 300.0

TOLD_AS = {
    Seen.BOX_DOWN: Told.BOX_DOWN,
    Seen.CRON_DEAD: Told.DEGRADED,
    Seen.NO_TICK: Told.DEGRADED,
    Seen.CRONTAB_NOT_LOADED: Told.DEGRADED,
    Seen.INGEST_LAGGING: Told.DEGRADED,
    Seen.CLOCK_SKEW: Told.DEGRADED,
    Seen.LATE: Told.LATE,
    Seen.OVERRUN: Told.SLOW,
    Seen.UNUSUALLY_LONG: Told.SLOW,
}
"""What people are told of a condition. A missed slot is told as the run that it is."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sight:
    """How a box was seen at a moment: its container, whether all it had logged by then is in the store, and
    how far its clock is ahead of ours, where that is known."""

    box: str
    moment: datetime
    seen: SeenBox | None
    known: bool
    """Whether config.toml has it."""
    read: bool = True
    skew_s: float | None = None


def settle(site: Site, sight: Sight) -> list[ConditionChange]:
    """Open and close the box's conditions, in one transaction -> what has changed. Who is to be told of a
    change puts that into the same transaction."""
    with site.store.reading() as tx:
        present = {condition.key: condition for condition in conditions.read(tx, sight.box)}
        box, jobs = _facts(tx, sight)
    if not difference(present, wanted(box, jobs), now=sight.moment, undecided=undecided(box)):
        return []
    with site.store.transaction() as tx:
        box, jobs = _facts(tx, sight)
        told = wanted(box, jobs)
        changed = conditions.settle(tx, sight.box, told, now=sight.moment, undecided=undecided(box))
        _note(tx, changed.changes, now=sight.moment, silently=not box.wanted)
    for change in changed.changes:
        what = "condition_opened" if change.opened else "condition_closed"
        of = change.condition
        since = format_time(of.since)
        log.info(what, box=of.box, job=of.job, kind=of.kind.value, since=since, text=of.text)
    return changed.changes


def _note(tx: Transaction, changes: Iterable[ConditionChange], *, now: datetime, silently: bool) -> None:
    """Tell whom it concerns; but a box that a person puts down has not recovered."""
    for change in changes:
        if (kind := TOLD_AS.get(change.condition.kind)) is not None:
            note_condition(tx, kind, change.condition, now=now, silently=silently)


def _facts(tx: Transaction, sight: Sight) -> tuple[BoxFacts, list[JobFacts]]:
    state, cursor = boxes.read(tx, sight.box), cursors.read(tx, sight.box)
    seen = sight.seen
    box = BoxFacts(
        box=sight.box,
        now=sight.moment,
        wanted=state.wanted and (sight.known or seen is not None),
        present=seen is not None,
        running=seen is not None and seen.running,
        paused=seen is not None and seen.frozen,
        read=sight.read,
        heard_at=cursor.last_event_at if cursor else None,
        booted_at=state.booted_at,
        stopped_at=state.stopped_at,
        cron_alive=state.cron_alive,
        tick_at=state.tick_at,
        tick=state.tick,
        loaded=state.loaded,
        loaded_at=_last(tx, sight.box, "loaded"),
        started_at=parse_time(seen.started_at) if seen is not None and seen.started_at else None,
        cron_at=_last(tx, sight.box, "cron_started"),
        skew_s=sight.skew_s,
    )
    return box, (_jobs(tx, sight) if box.wanted else [])


def _last(tx: Transaction, box: str, kind: str) -> datetime | None:
    """When something happened to the box last, as far as its newest incidents tell."""
    told = incidents.of_kinds(tx, box, {kind}, limit=1)
    return told[0].at if told else None


def _jobs(tx: Transaction, sight: Sight) -> list[JobFacts]:
    """The jobs of which there may be something to say: a wanting newest slot, a run that goes on or one
    that waits."""
    wanting = runs.wanting_slots(tx, sight.box, SHORTEST_GRACE_S)
    running: dict[str, list[Run]] = defaultdict(list)
    waiting: dict[str, list[Run]] = defaultdict(list)
    for run in runs.still_open(tx, sight.box):
        (waiting if run.status is Status.QUEUED else running)[run.job].append(run)
    if not wanting and not running and not waiting:
        return []
    meant = {job: each.meant for job, each in schedules.present(tx, sight.box).items()}
    return [
        JobFacts(
            meant=meant.get(job) or Meant(job, "@reboot", DEFAULT_GRACE_S),
            newest=wanting.get(job),
            running=tuple(running.get(job, ())),
            waiting=tuple(waiting.get(job, ())),
            typical_s=_typical(tx, sight, job, running.get(job, ())),
        )
        for job in sorted({*wanting, *running, *waiting})
    ]


def _typical(tx: Transaction, sight: Sight, job: str, running: Sequence[Run]) -> float | None:
    """What the job's latest successful runs mostly took; asked only where a run may be unusually long."""
    longest = max(
        ((sight.moment - run.started_at).total_seconds() for run in running if run.started_at), default=0.0
    )
    if longest <= LONG_AT_LEAST_S:
        return None
    took = runs.typical_seconds(tx, sight.box, job, LATEST_RUNS)
    return median(took) if len(took) >= RUNS_TO_JUDGE_BY else None
