"""From a box's log to the store, exactly once.

Each call is one transaction that moves the box's cursor together with what it stands for. So a chunk that
comes twice changes nothing, two processes may ingest the same log at once, and a process that dies amid a
chunk leaves either all of it or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from cronbox.errors import LogGap
from cronbox.model.event import Event
from cronbox.model.run import RUN_EVENTS, Run, lost, slot_of
from cronbox.ops.alert import note_runs
from cronbox.ops.fold import Fold
from cronbox.store import Cursor, Store, boxes, cursors, incidents, outputs, pauses, runs, schedules
from cronbox.store.database import Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one chunk came to: `events` were new, `refused` of them made no sense, the cursor stands at `seq`.

    `ended` are the runs that came to an end in it, or to an end other than the one that was known.
    """

    seq: int
    events: int = 0
    refused: int = 0
    ended: tuple[Run, ...] = ()


def ingest(
    store: Store,
    box: str,
    chunk: Sequence[Event],
    *,
    log_id: str,
    now: datetime,
    first_seq: int | None = None,
) -> Ingested:
    """Turn events of a box's log, in the order in which they were read, into rows.

    Events the store has are passed over. A new `log_id` starts from zero. Raises LogGap when events are
    missing before the last one; what came before the gap is in the store then. `first_seq` names an event
    before which the log itself has no more: there a gap is accepted, and noted.
    """
    with store.transaction() as tx:
        cursor = cursors.read(tx, box, to_move=True)
        same_log = cursor is not None and cursor.log_id == log_id
        seq = cursor.seq if cursor is not None and same_log else 0
        fresh = [event for event in chunk if event.seq > seq]
        fold = _begin(tx, box, cursor, fresh)
        if cursor is not None and not same_log:
            fold.replace_log(now)
            pauses.lift_all(tx, box)
        taken, ahead = 0, None
        ended: tuple[Run, ...] = ()
        for event in fresh:
            if event.seq <= seq:
                continue
            if event.seq > seq + 1:
                if event.seq != first_seq:
                    ahead = event
                    continue
                fold.skip(seq + 1, event.seq - 1, event.t)
            fold.take(event)
            seq, ahead, taken = event.seq, None, taken + 1
        if taken or not same_log:
            ended = _write(tx, fold)
            note_runs(tx, [fold.runs[id] for id in fold.changed], now=now)
            cursors.save(tx, Cursor(box, log_id, seq, fold.boot_id, fold.release, fold.last_event_at, now))
    if ahead is not None:
        raise LogGap(f"{box}: the log goes from event {seq} to {ahead.seq}", hint="it is read again")
    return Ingested(seq, taken, fold.refused, ended)


def close_lost(store: Store, box: str, *, reason: str, now: datetime) -> tuple[Run, ...]:
    """Close every open run of a box that is dead, and whose log was read to its end -> those runs.

    `now` is when the box died, as far as the caller knows.
    """
    with store.transaction() as tx:
        closed = tuple(lost(run, at=now, reason=reason) for run in runs.still_open(tx, box))
        runs.advance(tx, closed)
        note_runs(tx, closed, now=now)
    for run in closed:
        log.warning("run_lost", box=box, job=run.job, run=run.id, reason=reason)
    return closed


def rewind(store: Store, box: str, *, log_id: str, seq: int, now: datetime) -> None:
    """The log ends with event `seq`, before the place up to which it was read: its end is gone, and the
    numbers are given again. Read on from there: which of the events before were given again already, nobody
    knows. An end may have been among what is gone, so no run stays
    open. Does nothing where the cursor is not ahead."""
    with store.transaction() as tx:
        cursor = cursors.read(tx, box, to_move=True)
        if cursor is None or cursor.log_id != log_id or cursor.seq <= seq:
            return
        fold = _begin(tx, box, cursor, ())
        fold.rewind(seq + 1, cursor.seq, now)
        _write(tx, fold)
        note_runs(tx, [fold.runs[id] for id in fold.changed], now=now)
        cursors.save(tx, replace(cursor, seq=seq, ingested_at=now))
    log.warning("log_rewound", box=box, read_to=cursor.seq, ends_at=seq)


def _begin(tx: Transaction, box: str, cursor: Cursor | None, fresh: Sequence[Event]) -> Fold:
    """A fold that knows all runs the events may speak of, and all that are open."""
    ids = {run for event in fresh if (run := event.run) is not None and run.isprintable()}
    known = runs.by_id(tx, ids) | {run.id: run for run in runs.still_open(tx, box)}
    fold = Fold(
        box=box,
        boot_id=cursor.boot_id if cursor else None,
        release=cursor.release if cursor else None,
        last_event_at=cursor.last_event_at if cursor else None,
        state=boxes.read(tx, box),
        runs=known,
    )
    fold.occupy(runs.in_slots(tx, box, _slots(fresh, known)))
    return fold


def _slots(events: Sequence[Event], known: dict[str, Run]) -> dict[str, set[datetime]]:
    """Job -> the slots of its runs that are new in these events."""
    found: dict[str, set[datetime]] = defaultdict(set)
    for event in events:
        if (
            event.type in RUN_EVENTS
            and event.run not in known
            and isinstance(job := event.data.get("job"), str)
        ):
            try:
                slot = slot_of(event)
            except ValueError:
                continue
            if slot is not None and job.isprintable():
                found[job].add(slot)
    return found


def _write(tx: Transaction, fold: Fold) -> tuple[Run, ...]:
    """Write what the fold gathered -> the runs that came to an end in it."""
    runs.remove(tx, fold.replaced)
    runs.add(tx, [fold.runs[id] for id in fold.new])
    runs.advance(tx, [fold.runs[id] for id in fold.changed if id not in fold.new])
    outputs.add(tx, fold.box, fold.outputs)
    boxes.change(tx, fold.box, fold.box_changes)
    for job, pause in fold.pauses.items():
        if pause is None:
            pauses.lift(tx, fold.box, job)
        else:
            pauses.put(tx, pause)
    incidents.add(tx, fold.box, fold.incidents)
    for at, digest, zone in fold.loads:
        schedules.loaded(tx, fold.box, digest, zone=zone, at=at)
    return tuple(run for id in fold.changed if not (run := fold.runs[id]).status.is_open)
