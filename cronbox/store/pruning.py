"""What is let go: which runs and which output are next, and how they go, a few at a time.

Nothing here reads through the whole history. A walk goes along an index from the oldest run on, in short
reading transactions, and ends where what is kept begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, delete, func, select, tuple_, update

from cronbox.model.run import FAILURES, OPEN, Trigger
from cronbox.store import outputs
from cronbox.store.database import Transaction, transaction
from cronbox.store.tables import OUTPUT, OUTPUT_SIZE, RUN

PAGE = 500
"""Runs that a walk looks at in one transaction."""
STEP_BATCHES = 100
STEP_BYTES = 2 << 20
"""How much output goes in one transaction, at most; one batch alone may be larger."""

Place = tuple[datetime, int]
"""Where a run stands in the order of time: `at` and `pk`."""
JobKey = tuple[str, str]

WALKED = [RUN.c[name] for name in ("pk", "id", "box", "job", "status", "at", "origin", "attempt")]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of the runs: those from `since` on, of each job at most the newest `per_job`, and its last
    `failures` whatever else holds."""

    since: datetime
    per_job: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class Old:
    """Runs that may go now, and why: `age` or `count`."""

    why: str
    pks: Sequence[int]


class Walk:
    """From the oldest run on, along what may go by a rule. Takes no notice of what goes meanwhile."""

    def __init__(self, engine: Engine, keeping: Keeping) -> None:
        self._engine = engine
        self._keeping = keeping
        self._begin: Place = (keeping.since, 0)
        self._failures: dict[JobKey, Place | None] = {}
        self._last: dict[JobKey, Place] = {}

    def old(self) -> Iterator[Old]:
        """The runs that may go, by age first, then job by job those that are too many."""
        for pks in self._up_to(self._begin, []):
            yield Old("age", pks)
        for box, job in jobs_of(self._engine) if self._keeping.per_job is not None else ():
            last = self._last_old(box, job)
            if last > self._begin:
                of_job = [RUN.c.box == box, RUN.c.job == job]
                for pks in self._up_to(last, of_job, after=self._begin):
                    yield Old("count", pks)

    def of(self, pks: Collection[int]) -> set[int]:
        """Those of these runs that may go."""
        return self._free(self._rows(select(*WALKED).where(RUN.c.pk.in_(pks)))) if pks else set()

    def _last_old(self, box: str, job: str) -> Place:
        """Up to where the job's runs are too old or too many."""
        if self._keeping.per_job is None:
            return self._begin
        if (box, job) not in self._last:
            too_many = self._one(place_of(box, job, self._keeping.per_job))
            self._last[box, job] = max(self._begin, too_many or self._begin)
        return self._last[box, job]

    def _up_to(
        self, last: Place, conditions: Sequence[ColumnElement[bool]], after: Place | None = None
    ) -> Iterator[list[int]]:
        while True:
            rows = self._rows(walked(conditions, last, after))
            free = self._free(rows)
            if pks := [row.pk for row in rows if row.pk in free]:
                yield pks
            if len(rows) < PAGE:
                return
            after = (rows[-1].at, rows[-1].pk)

    def _free(self, rows: Sequence[Row[Any]]) -> set[int]:
        """Those of the rows that may go: attempts of one run only together."""
        kept = {row.pk for row in rows if self._stays(row)}
        ids = {row.origin if row.attempt > 1 else row.id for row in rows if row.attempt > 1 or _retried(row)}
        members = [*rows, *self._attempts(ids)]
        held = {_first(row) for row in members if row.pk in kept or self._stays(row)}
        return {row.pk for row in rows if row.pk not in kept and _first(row) not in held}

    def _attempts(self, firsts: Collection[str]) -> Sequence[Row[Any]]:
        return (
            [
                *self._rows(select(*WALKED).where(RUN.c.origin.in_(firsts), RUN.c.attempt > 1)),
                *self._rows(select(*WALKED).where(RUN.c.id.in_(firsts))),
            ]
            if firsts
            else []
        )

    def _stays(self, row: Row[Any]) -> bool:
        if row.status in OPEN or (row.at, row.pk) > self._last_old(row.box, row.job):
            return True
        if row.status not in FAILURES:
            return False
        first_kept = self._first_kept_failure(row.box, row.job)
        return self._keeping.failures > 0 and (first_kept is None or (row.at, row.pk) >= first_kept)

    def _first_kept_failure(self, box: str, job: str) -> Place | None:
        """The oldest of the job's last failures; None where it has had fewer."""
        key, wanted = (box, job), self._keeping.failures
        if key not in self._failures and wanted:
            places = sorted(
                ((row.at, row.pk) for query in failures_of(box, job, wanted) for row in self._rows(query)),
                reverse=True,
            )
            self._failures[key] = places[wanted - 1] if len(places) >= wanted else None
        return self._failures.get(key)

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with transaction(self._engine, writing=False) as tx:
            return tx.execute(query).all()

    def _one(self, query: Select[Any]) -> Place | None:
        found = self._rows(query)
        return (found[0].at, found[0].pk) if found else None


def _first(row: Row[Any]) -> str:
    """The id of the first attempt of a run."""
    return str(row.origin) if row.attempt > 1 and row.origin else str(row.id)


def _retried(row: Row[Any]) -> bool:
    """Whether a first attempt may have others behind it."""
    return row.status in FAILURES


def jobs_of(engine: Engine) -> Iterator[JobKey]:
    """Every job that ever ran, hopping from one to the next."""
    last: JobKey = ("", "")
    while True:
        with transaction(engine, writing=False) as tx:
            found = tx.execute(job_behind(last)).first()
        if found is None:
            return
        last = (found.box, found.job)
        yield last


def job_behind(last: JobKey) -> Select[Any]:
    behind = tuple_(RUN.c.box, RUN.c.job) > tuple_(*last)
    return select(RUN.c.box, RUN.c.job).where(behind).order_by(RUN.c.box, RUN.c.job).limit(1)


def place_of(box: str, job: str, number: int) -> Select[Any]:
    """The place of the newest run behind the `number` newest of a job."""
    query = select(RUN.c.at, RUN.c.pk).where(RUN.c.box == box, RUN.c.job == job)
    return query.order_by(RUN.c.at.desc(), RUN.c.pk.desc()).offset(number).limit(1)


def failures_of(box: str, job: str, number: int) -> Iterator[Select[Any]]:
    """Queries that together give the places of the job's newest failures."""
    for status, trigger in product(sorted(FAILURES), Trigger):
        query = select(RUN.c.at, RUN.c.pk).where(
            RUN.c.box == box, RUN.c.job == job, RUN.c.status == status.value, RUN.c.trigger == trigger.value
        )
        yield query.order_by(RUN.c.at.desc(), RUN.c.pk.desc()).limit(number)


def walked(conditions: Sequence[ColumnElement[bool]], last: Place, after: Place | None) -> Select[Any]:
    """The next page of a walk: behind one place, up to another."""
    at, pk = last
    bounds = [*conditions, RUN.c.at <= at, (RUN.c.at < at) | (RUN.c.pk <= pk)]
    if after is not None:
        begin, behind = after
        bounds += [RUN.c.at >= begin, (RUN.c.at > begin) | (RUN.c.pk > behind)]
    return select(*WALKED).where(*bounds).order_by(RUN.c.at, RUN.c.pk).limit(PAGE)


def remove_runs(tx: Transaction, pks: Sequence[int]) -> int:
    """Delete these runs, but for open ones, with what is left of their output -> how many."""
    forget_output(tx, pks, limit=None)
    return tx.execute(delete(RUN).where(RUN.c.pk.in_(pks), RUN.c.status.not_in(sorted(OPEN)))).rowcount


def forget_output(tx: Transaction, runs: Sequence[int], *, limit: int | None = STEP_BATCHES) -> int:
    """Delete the next batches of ended runs -> how many bytes they took; 0: there are none left."""
    rows = tx.execute(batches_of(runs, limit)).all()
    taken: list[int] = []
    by_box: dict[str, int] = {}
    for row in rows:
        if limit is not None and taken and sum(by_box.values()) + row.size > STEP_BYTES:
            break
        taken.append(row.pk)
        by_box[row.box] = by_box.get(row.box, 0) + row.size
    if taken:
        tx.execute(delete(OUTPUT).where(OUTPUT.c.pk.in_(taken)))
    for box, size in by_box.items():
        outputs.grow(tx, box, -size)
    return sum(by_box.values())


def batches_of(runs: Sequence[int], limit: int | None) -> Select[Any]:
    """Batches of ended runs, and how long each is."""
    query = select(OUTPUT.c.pk, OUTPUT.c.box, func.length(OUTPUT.c.lines).label("size"))
    query = query.join(RUN, RUN.c.pk == OUTPUT.c.run)
    return query.where(OUTPUT.c.run.in_(runs), RUN.c.status.not_in(sorted(OPEN))).limit(limit)


def oldest_output(after: int) -> Select[Any]:
    """The next batches in the order in which they came, with their runs."""
    query = select(OUTPUT.c.pk, OUTPUT.c.run, RUN.c.status).join(RUN, RUN.c.pk == OUTPUT.c.run)
    return query.where(OUTPUT.c.pk > after).order_by(OUTPUT.c.pk).limit(PAGE)


def size_of(runs: Collection[int]) -> Select[Any]:
    return select(func.coalesce(func.sum(func.length(OUTPUT.c.lines)), 0)).where(OUTPUT.c.run.in_(runs))


def output_of_oldest(engine: Engine, surplus: int, *, but: Walk | None = None) -> Iterator[tuple[int, int]]:
    """(run, bytes) of the ended runs whose output came first, until together they have so many bytes; without
    the runs that a walk lets go."""
    seen: set[int] = set()
    after = 0
    while surplus > 0:
        with transaction(engine, writing=False) as tx:
            rows = tx.execute(oldest_output(after)).all()
        going = but.of({row.run for row in rows}) if but else ()
        for row in rows:
            if row.run in seen or row.run in going or row.status in OPEN or surplus <= 0:
                continue
            seen.add(row.run)
            with transaction(engine, writing=False) as tx:
                size = int(tx.execute(size_of([row.run])).scalar_one())
            surplus -= size
            yield row.run, size
        if len(rows) < PAGE:
            return
        after = rows[-1].pk


def output_bytes(tx: Transaction) -> int:
    """What all batches take."""
    return int(tx.execute(select(func.coalesce(func.sum(OUTPUT_SIZE.c.bytes), 0))).scalar_one())


def note_pruned(tx: Transaction, run: int, at: datetime) -> None:
    tx.execute(update(RUN).where(RUN.c.pk == run).values(output_pruned=at))


def pruned_at(tx: Transaction, run: str) -> datetime | None:
    """When the run's output was let go; None while it is kept."""
    found: datetime | None = tx.execute(select(RUN.c.output_pruned).where(RUN.c.id == run)).scalar()
    return found
