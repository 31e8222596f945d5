"""Runs: what is written of them, and the questions that are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import product
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    bindparam,
    delete,
    func,
    select,
    type_coerce,
    update,
)

from cronbox.errors import NotFound, UsageError
from cronbox.model.run import FAILURES, OPEN, RAN, Run, Status, Trigger
from cronbox.store.database import Transaction
from cronbox.store.statement import Lookup, Rows, Statement, micros, moment
from cronbox.store.tables import RUN, SCHEDULE, Json, UtcTime, json_text, json_value

FIELDS = tuple(field.name for field in fields(Run))
COLUMNS = [RUN.c[name] for name in FIELDS]

TIMES = tuple(place for place, column in enumerate(COLUMNS) if isinstance(column.type, UtcTime))
JSONS = tuple(place for place, column in enumerate(COLUMNS) if isinstance(column.type, Json))

WRITTEN = [column for column in RUN.c if column.name in {*FIELDS, "at"}]
"""What a new row is written with, in the order of the table: so no row's values are put in order again."""
ENUMS = ("trigger", "status")
OF_RUN = attrgetter(*(f"{c.name}._value_" if c.name in ENUMS else c.name for c in WRITTEN))
WRITTEN_TIMES = tuple(place for place, column in enumerate(WRITTEN) if isinstance(column.type, UtcTime))
WRITTEN_JSONS = tuple(place for place, column in enumerate(WRITTEN) if isinstance(column.type, Json))

MUTABLE = (
    *("status", "reason", "started_at", "finished_at", "duration_s", "exit_code", "signal", "cpu_s"),
    *("max_rss_bytes", "output_bytes", "dropped_bytes", "release", "boot_id", "result"),
)
"""What events change of a run that has its row. The rest names the run, and stays."""
CHANGING = itemgetter(*([column.name for column in WRITTEN].index(name) for name in MUTABLE))

NEW = Rows(RUN, [column.name for column in WRITTEN])
ADVANCE = Statement(
    update(RUN).where(RUN.c.id == bindparam("id_")).values({name: bindparam(name) for name in MUTABLE}),
    [*MUTABLE, "id_"],
)
BY_ID = Lookup(RUN.c.id, select(*COLUMNS))
OF_BOX = select(*COLUMNS).where(RUN.c.box == bindparam("box"))
OF_JOB = Lookup(RUN.c.scheduled_for, OF_BOX.where(RUN.c.job == bindparam("job")), ["box", "job"])
OF_SLOT = Lookup(RUN.c.job, OF_BOX.where(RUN.c.scheduled_for == bindparam("slot")), ["box", "slot"])
STILL_OPEN = Lookup(RUN.c.status, select(*COLUMNS))
STILL_OPEN_IN_BOX = Lookup(RUN.c.status, OF_BOX, ["box"])

REMOVE_MISSED = Statement(
    delete(RUN).where(
        RUN.c.box == bindparam("box"),
        RUN.c.job == bindparam("job"),
        RUN.c.scheduled_for > bindparam("after"),
        RUN.c.status == bindparam("status"),
    ),
    ["box", "job", "after", "status"],
)

LAST_CHARACTER = "\U0010ffff"
"""Sorts behind every character of an id."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs: all conditions that are set must hold, and since <= `Run.at` < until."""

    box: str | None = None
    job: str | None = None
    status: Status | None = None
    trigger: Trigger | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        if self.job is not None and self.box is None:
            raise UsageError("a job is named with its box", hint="write BOX/JOB")


def newest(tx: Transaction, wanted: RunFilter, *, statuses: Sequence[Status] | None = None) -> list[Run]:
    """The runs a filter asks for, newest first; of these statuses, where it names none itself."""
    rows = [row for query in queries_of(wanted, statuses) for row in tx.execute(query)]
    rows.sort(key=lambda row: (row.at, row.pk), reverse=True)
    return [_run(row) for row in rows[: wanted.limit]]


def queries_of(wanted: RunFilter, statuses: Sequence[Status] | None = None) -> list[Select[Any]]:
    """Queries that together find the newest runs of a filter.

    An index ends in `at` and so gives the newest first, but only below one status and one trigger. So where
    one of the two is asked for, there is a query for each combination.
    """
    if wanted.status is not None:
        statuses = (wanted.status,)
    newest_first = select(*COLUMNS, RUN.c.at, RUN.c.pk).where(*_bounds(wanted))
    newest_first = newest_first.order_by(RUN.c.at.desc(), RUN.c.pk.desc()).limit(wanted.limit)
    if statuses is None and wanted.trigger is None:
        return [newest_first]
    triggers = (wanted.trigger,) if wanted.trigger else tuple(Trigger)
    return [
        newest_first.where(RUN.c.status == status.value, RUN.c.trigger == trigger.value)
        for status, trigger in product(statuses or tuple(Status), triggers)
    ]


def last_failure(tx: Transaction, box: str) -> Run | None:
    """The box's newest run that failed, timed out or was lost."""
    found = newest(tx, RunFilter(box=box, limit=1), statuses=sorted(FAILURES))
    return found[0] if found else None


def still_open(tx: Transaction, box: str | None, statuses: Iterable[Status] = OPEN) -> list[Run]:
    """Runs that are queued or running, oldest first."""
    wanted = sorted(status.value for status in statuses)
    rows = STILL_OPEN.query(tx, wanted) if box is None else STILL_OPEN_IN_BOX.query(tx, wanted, [box])
    # Sorted here: asked to sort, SQLite would walk through all of a box's runs in the order of time.
    return sorted(map(_run_of, rows), key=lambda run: (run.at, run.id))


def find(tx: Transaction, prefix: str) -> Run:
    """The run of this id, or the only one whose id begins so. Raises NotFound, or UsageError for several."""
    if not prefix.isprintable() or not prefix:
        raise NotFound(f"no run {prefix!r}", hint="`cronbox runs` lists them")
    query = select(*COLUMNS).where(RUN.c.id >= prefix, RUN.c.id < prefix + LAST_CHARACTER).order_by(RUN.c.id)
    found = [_run(row) for row in tx.execute(query.limit(2))]
    if not found:
        raise NotFound(f"no run {prefix!r}", hint="`cronbox runs` lists them")
    if len(found) > 1 and found[0].id != prefix:
        raise UsageError(f"several runs begin with {prefix!r}", hint="give more of the id")
    return found[0]


def last_by_job(tx: Transaction, box: str) -> dict[str, Run]:
    """The newest run of each job that ever ran in the box. Hops from job to job along the index, since
    counting its way through all runs would take seconds."""
    first = select(RUN.c.job).where(RUN.c.box == box).order_by(RUN.c.job).limit(1)
    jobs = select(first.scalar_subquery().label("job")).cte("jobs", recursive=True)
    following = select(RUN.c.job).where(RUN.c.box == box, RUN.c.job > jobs.c.job).order_by(RUN.c.job).limit(1)
    jobs = jobs.union_all(select(following.scalar_subquery()).where(jobs.c.job.is_not(None)))
    inner = RUN.alias("newest")
    newest_pk = (
        select(inner.c.pk)
        .where(inner.c.box == box, inner.c.job == jobs.c.job)
        .order_by(inner.c.at.desc(), inner.c.pk.desc())
        .limit(1)
    )
    rows = tx.execute(select(*COLUMNS).join_from(jobs, RUN, RUN.c.pk == newest_pk.scalar_subquery()))
    return {run.job: run for run in map(_run, rows)}


def slots(tx: Transaction, box: str, job: str, since: datetime, until: datetime) -> dict[datetime, Run]:
    """Slot -> the last run of it, for the job's slots with since <= slot < until."""
    return {slot: found[-1] for slot, found in all_in_slots(tx, box, job, since, until).items()}


def all_in_slots(
    tx: Transaction, box: str, job: str, since: datetime, until: datetime
) -> dict[datetime, list[Run]]:
    """Slot -> every run of it in order, for the job's slots with since <= slot < until."""
    query = select(*COLUMNS).where(
        RUN.c.box == box, RUN.c.job == job, RUN.c.scheduled_for >= since, RUN.c.scheduled_for < until
    )
    ordered = query.order_by(RUN.c.scheduled_for, RUN.c.occurrence, RUN.c.attempt)
    found: dict[datetime, list[Run]] = {}
    for run in map(_run, tx.execute(ordered)):
        assert run.scheduled_for is not None, "it was found by its slot"
        found.setdefault(run.scheduled_for, []).append(run)
    return found


def attempts(tx: Transaction, run: Run) -> list[Run]:
    """The attempts that this one is among, in their order; of a run that was not tried again, it alone."""
    first = run.first_attempt
    later = (RUN.c.origin == first) & (RUN.c.attempt > 1)
    found = map(_run, tx.execute(select(*COLUMNS).where((RUN.c.id == first) | later)))
    return sorted(found, key=lambda attempt: (attempt.attempt, attempt.at))


def with_result(tx: Transaction, box: str, job: str, limit: int) -> list[Run]:
    """The newest runs whose job said something of itself, newest first."""
    query = select(*COLUMNS).where(RUN.c.box == box, RUN.c.job == job, RUN.c.result.is_not(None))
    newest_first = query.order_by(RUN.c.at.desc(), RUN.c.pk.desc()).limit(limit)
    return [_run(row) for row in tx.execute(newest_first)]


def last_ended(tx: Transaction, box: str, job: str) -> Run | None:
    """The job's newest run that began and came to an end."""
    query = select(*COLUMNS).where(RUN.c.box == box, RUN.c.job == job, RUN.c.status.in_(sorted(RAN)))
    row = tx.execute(query.order_by(RUN.c.at.desc(), RUN.c.pk.desc()).limit(1)).first()
    return _run(row) if row else None


def counts(tx: Transaction, since: datetime) -> dict[tuple[str, str, Status], int]:
    """(box, job, status) -> how many runs came up from a time on."""
    # An expression, not the column: else SQLite would walk through all runs in the order of these three.
    by = [RUN.c[name].concat("").label(f"by_{name}") for name in ("box", "job", "status")]
    query = select(*by, func.count().label("number")).where(RUN.c.at >= since).group_by(*by)
    rows = tx.execute(query)
    return {(row.by_box, row.by_job, Status(row.by_status)): row.number for row in rows}


def by_id(tx: Transaction, ids: Iterable[str]) -> dict[str, Run]:
    """The runs there are among these ids, of whatever box."""
    return {run.id: run for run in map(_run_of, BY_ID.query(tx, ids))}


def in_slots(tx: Transaction, box: str, slots: Mapping[str, Iterable[datetime]]) -> list[Run]:
    """Every run that stands in one of these slots of these jobs."""
    by_slot: dict[datetime, list[str]] = defaultdict(list)
    for job, moments in slots.items():
        for slot in moments:
            by_slot[slot].append(job)
    rows: list[Sequence[Any]] = []
    if len(by_slot) < len(slots):
        for slot, jobs in by_slot.items():
            rows += OF_SLOT.query(tx, jobs, [box, micros(slot)])
    else:
        for job, moments in slots.items():
            rows += OF_JOB.query(tx, map(micros, moments), [box, job])
    return list(map(_run_of, rows))


def add(tx: Transaction, new: Sequence[Run]) -> None:
    NEW.put(tx, list(map(_values, new)))


def add_missed(tx: Transaction, missed: Sequence[Run]) -> list[Run]:
    """Add slots that did not run, but for those which have a run by now -> the ones added."""
    added = []
    for run in missed:
        assert run.status is Status.MISSED and run.scheduled_for is not None, f"{run.id} is no missed slot"
        if not in_slots(tx, run.box, {run.job: [run.scheduled_for]}):
            add(tx, [run])
            added.append(run)
    return added


def wanting_slots(tx: Transaction, box: str, late_s: float) -> dict[str, Run]:
    """Job -> the first attempt of its newest slot, where that was missed, or started so many seconds late; of
    the jobs whose schedule is in force. One seek along an index for each job."""
    inner = RUN.alias("newest")
    newest_pk = (
        select(inner.c.pk)
        .where(inner.c.box == box, inner.c.job == SCHEDULE.c.job)
        .where(inner.c.scheduled_for.is_not(None), inner.c.attempt == 1)
        .order_by(inner.c.scheduled_for.desc(), inner.c.occurrence.desc())
        .limit(1)
    )
    started, slot = (type_coerce(column, BigInteger) for column in (RUN.c.started_at, RUN.c.scheduled_for))
    wanting = (RUN.c.status == Status.MISSED.value) | (started - slot > round(late_s * 1e6))
    query = select(*COLUMNS).join_from(SCHEDULE, RUN, RUN.c.pk == newest_pk.scalar_subquery())
    in_force = (SCHEDULE.c.box == box) & SCHEDULE.c.until.is_(None)
    return {run.job: run for run in map(_run, tx.execute(query.where(in_force, wanting)))}


def remove_missed(tx: Transaction, box: str, jobs: Sequence[str], after: datetime) -> None:
    """Take back what was called missed of slots after a moment."""
    for job in jobs:
        REMOVE_MISSED.change(tx, [box, job, micros(after), Status.MISSED.value])


def typical_seconds(tx: Transaction, box: str, job: str, latest: int) -> list[float]:
    """What the job's latest successful runs took, so many at most."""
    wanted = RunFilter(box=box, job=job, status=Status.SUCCEEDED, limit=latest)
    return [run.duration_s for run in newest(tx, wanted) if run.duration_s is not None]


def advance(tx: Transaction, changed: Sequence[Run]) -> None:
    """Write what events changed of runs that have their row."""
    ADVANCE.change_all(tx, [(*CHANGING(_values(run)), run.id) for run in changed])


def remove(tx: Transaction, ids: Sequence[str]) -> None:
    """Take runs out, with their output."""
    if ids:
        tx.execute(delete(RUN).where(RUN.c.id.in_(ids)))


def _bounds(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """The conditions that every index can take: the box, the job, the time."""
    bounds: list[ColumnElement[bool]] = []
    if wanted.box is not None:
        bounds.append(RUN.c.box == wanted.box)
    if wanted.job is not None:
        bounds.append(RUN.c.job == wanted.job)
    if wanted.since is not None:
        bounds.append(RUN.c.at >= wanted.since)
    if wanted.until is not None:
        bounds.append(RUN.c.at < wanted.until)
    return bounds


def _values(run: Run) -> list[Any]:
    """What stands in the columns WRITTEN of a run's row."""
    values = list(OF_RUN(run))
    for place in WRITTEN_TIMES:
        values[place] = micros(values[place])
    for place in WRITTEN_JSONS:
        values[place] = json_text(values[place])
    return values


def _run_of(row: Sequence[Any]) -> Run:
    """The run of a row as the driver gives it."""
    fields = dict(zip(FIELDS, row, strict=True))
    for place in TIMES:
        fields[FIELDS[place]] = moment(row[place])
    for place in JSONS:
        fields[FIELDS[place]] = json_value(row[place])
    return _made(fields)


def _run(row: Row[Any]) -> Run:
    return _made({name: row._mapping[name] for name in FIELDS})


def _made(fields: dict[str, Any]) -> Run:
    fields["status"], fields["trigger"] = Status(fields["status"]), Trigger(fields["trigger"])
    if fields["args"] is not None:
        fields["args"] = tuple(fields["args"])
    return Run(**fields)
