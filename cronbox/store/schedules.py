"""Schedules: what each installed crontab means, and which of a job's schedules was in force when.

The watch asks each schedule for its slots; `due_at` says when one has something to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update

from cronbox.model.expected import WAKE, Expectation, Look, Meant, Turn, turn
from cronbox.store import boxes, runs
from cronbox.store.database import Transaction
from cronbox.store.statement import Statement, micros
from cronbox.store.tables import BUNDLE, SCHEDULE

BUNDLES_KEPT = 50
"""Crontabs of a box whose meaning is kept: more than are installed while a log waits to be read."""
ENDED_KEPT = 20
"""Schedules of a job that are over."""

CHANGING = ("grace_s", "delay_s", "max_runtime_s", "until", "checked_until", "due_at")
BY_START = (SCHEDULE.c.box == bindparam("box_")) & (SCHEDULE.c.job == bindparam("job_"))
ADVANCE = Statement(
    update(SCHEDULE)
    .where(BY_START, SCHEDULE.c.since == bindparam("since_"), SCHEDULE.c.times == bindparam("times_"))
    .values(checked_until=bindparam("checked_until"), due_at=bindparam("due_at")),
    ["checked_until", "due_at", "box_", "job_", "since_", "times_"],
)


def know(tx: Transaction, box: str, digest: str, meant: Sequence[Meant], *, zone: str, at: datetime) -> None:
    """Keep what a crontab means, before it is installed; forget the box's oldest beyond BUNDLES_KEPT, but for
    the one that the box has: it may be older than all that were made and never loaded."""
    this = (BUNDLE.c.box == box) & (BUNDLE.c.digest == digest)
    tx.execute(delete(BUNDLE).where(this))
    values = {"at": at, "zone": zone, "jobs": [asdict(each) for each in meant]}
    tx.execute(insert(BUNDLE).values(box=box, digest=digest, **values))
    old = select(BUNDLE.c.digest).where(BUNDLE.c.box == box).order_by(BUNDLE.c.at.desc(), BUNDLE.c.digest)
    forgotten = {*tx.execute(old.offset(BUNDLES_KEPT)).scalars()} - {boxes.read(tx, box).loaded}
    if forgotten:
        tx.execute(delete(BUNDLE).where(BUNDLE.c.box == box, BUNDLE.c.digest.in_(sorted(forgotten))))


def meaning(tx: Transaction, box: str, digest: str) -> tuple[list[Meant], str] | None:
    """What a crontab means, and the zone that it was written for; None for one that is not known."""
    query = select(BUNDLE.c.jobs, BUNDLE.c.zone).where(BUNDLE.c.box == box, BUNDLE.c.digest == digest)
    row = tx.execute(query).first()
    return ([Meant(**each) for each in row.jobs], row.zone) if row else None


def present(tx: Transaction, box: str) -> dict[str, Expectation]:
    """Job -> its schedule that is in force."""
    return {row.job: _expectation(row) for row in tx.execute(_of_box(box).where(SCHEDULE.c.until.is_(None)))}


def history(tx: Transaction, box: str, job: str) -> list[Expectation]:
    """The job's schedules, the oldest first."""
    query = _of_box(box).where(SCHEDULE.c.job == job).order_by(SCHEDULE.c.since, SCHEDULE.c.pk)
    return [_expectation(row) for row in tx.execute(query)]


def loaded(tx: Transaction, box: str, digest: str, *, zone: str | None, at: datetime) -> None:
    """The box's agent has loaded this crontab: from here on its schedules are in force, and no others.

    `zone` is the one its cron runs in; without it, the one that the crontab was written for. Of a crontab
    whose meaning is not known nothing is expected, nor of a box that was put down since.
    """
    state = boxes.read(tx, box)
    down_at = state.down_at if state.down_at is not None and at < state.down_at else None
    if down_at is None and not state.wanted:
        return
    if down_at is not None:
        _reopen(tx, box, ended_at=down_at)
    meant, written_for = meaning(tx, box, digest) or ((), "UTC")
    _write(tx, turn(box, present(tx, box), meant, zone=zone or written_for, at=at))
    if down_at is not None:
        end_all(tx, box, at=down_at)


def _reopen(tx: Transaction, box: str, *, ended_at: datetime) -> None:
    """Its log tells only now what was loaded before the box was put down: some of what ended with that had
    ended earlier."""
    ended = (SCHEDULE.c.box == box) & (SCHEDULE.c.until == ended_at)
    begun = select(SCHEDULE.c.job).where(SCHEDULE.c.box == box, SCHEDULE.c.until.is_(None))
    tx.execute(update(SCHEDULE).where(ended, SCHEDULE.c.job.not_in(begun)).values(until=None))


def end_all(tx: Transaction, box: str, *, at: datetime) -> None:
    """From now on nothing is expected of the box."""
    _write(tx, turn(box, present(tx, box), (), zone="", at=at))


def due(tx: Transaction, box: str, moment: datetime, limit: int) -> list[Expectation]:
    """The box's schedules that have something to tell, the one that waits longest first."""
    query = _of_box(box).where(SCHEDULE.c.due_at <= moment).order_by(SCHEDULE.c.due_at, SCHEDULE.c.pk)
    return [_expectation(row) for row in tx.execute(query.limit(limit))]


def looked(tx: Transaction, looks: Sequence[Look]) -> None:
    """Each slot of these looks has its row."""
    ADVANCE.change_all(
        tx,
        [
            (
                micros(look.after.checked_until),
                micros(look.due_at),
                look.before.box,
                look.before.job,
                micros(look.before.since),
                look.before.meant.times,
            )
            for look in looks
        ],
    )


def names(tx: Transaction) -> list[str]:
    """The boxes of which something is expected, or has still to be accounted for."""
    unfinished = SCHEDULE.c.until.is_(None) | SCHEDULE.c.due_at.is_not(None)
    return list(tx.execute(select(SCHEDULE.c.box).where(unfinished).distinct()).scalars())


def _write(tx: Transaction, changed: Turn) -> None:
    for expectation in changed.adjusted:
        _update(tx, expectation)
    for expectation in changed.ended:
        assert expectation.until is not None, "it has ended"
        runs.remove_missed(tx, expectation.box, [expectation.job], expectation.until - WAKE)
        _update(tx, expectation)
    _forget(tx, changed.ended)
    if changed.begun:
        tx.execute(insert(SCHEDULE), [_values(expectation) for expectation in changed.begun])


def _update(tx: Transaction, expectation: Expectation) -> None:
    """Write what changes of a schedule that was in force."""
    values = _values(expectation)
    of_job = (SCHEDULE.c.box == expectation.box) & (SCHEDULE.c.job == expectation.job)
    changes = {name: values[name] for name in CHANGING}
    tx.execute(update(SCHEDULE).where(of_job, SCHEDULE.c.until.is_(None)).values(**changes))


def _forget(tx: Transaction, ended: Iterable[Expectation]) -> None:
    """Let go of each job's oldest schedules that are over and accounted for."""
    for expectation in ended:
        of_job = (SCHEDULE.c.box == expectation.box) & (SCHEDULE.c.job == expectation.job)
        over = SCHEDULE.c.until.is_not(None) & SCHEDULE.c.due_at.is_(None)
        newest = select(SCHEDULE.c.pk).where(of_job, over).order_by(SCHEDULE.c.since.desc())
        oldest = list(tx.execute(newest.offset(ENDED_KEPT)).scalars())
        if oldest:
            tx.execute(delete(SCHEDULE).where(SCHEDULE.c.pk.in_(oldest)))


def _of_box(box: str) -> Select[Any]:
    return select(SCHEDULE).where(SCHEDULE.c.box == box)


def _values(expectation: Expectation) -> dict[str, Any]:
    values = {name: getattr(expectation, name) for name in ("box", "zone", "since", "until", "checked_until")}
    return {**values, **asdict(expectation.meant), "due_at": expectation.due_at}


def _expectation(row: Row[Any]) -> Expectation:
    meant = Meant(row.job, row.times, row.grace_s, row.delay_s, row.max_runtime_s)
    return Expectation(row.box, meant, row.zone, row.since, row.until, row.checked_until)
