"""Every expected slot gets its row: what no log has told of by the end of its grace was missed."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import structlog

from cronbox.model.box import SeenBox
from cronbox.model.event import format_time
from cronbox.model.expected import PIECE, Expectation, Look, look
from cronbox.model.missed import KINDS, Happening, Present, Reason, Span, reason_of, spans_of
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops.alert import note_runs
from cronbox.store import Store, boxes, cursors, incidents, runs, schedules
from cronbox.store.database import Transaction

SLOTS_AT_ONCE = PIECE
"""Slots that one transaction looks at: some milliseconds, between which the ingest has its turns."""
SCHEDULES_AT_ONCE = 250

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Due:
    """What a box's schedules have to tell by a moment: `absent` are the slots without a row."""

    looks: tuple[Look, ...]
    absent: tuple[tuple[Expectation, datetime], ...]

    @property
    def more(self) -> bool:
        return len(self.looks) == SCHEDULES_AT_ONCE or any(look.more for look in self.looks)


def peek(store: Store, box: str, moment: datetime) -> Due:
    """What is due of a box, changing nothing."""
    with store.reading() as tx:
        return _due(tx, box, moment)


def judge(store: Store, box: str, seen: SeenBox | None, moment: datetime) -> tuple[list[Run], bool]:
    """Write `missed` for slots whose grace is over, and that no log told of -> those, and whether there is
    more to judge. All that the box logged up to `moment` must be in the store. SLOTS_AT_ONCE at most."""
    with store.transaction() as tx:
        cursors.read(tx, box, to_move=True)
        due = _due(tx, box, moment)
        missed = _missed(tx, box, seen, due)
        runs.add(tx, missed)
        note_runs(tx, missed, now=moment)
        schedules.looked(tx, due.looks)
    _tell(missed)
    return missed, due.more


def _tell(missed: Sequence[Run]) -> None:
    """One line for each job and reason: after a long absence the slots are thousands."""
    for (job, reason), slots in _grouped(missed).items():
        first = slots[0].scheduled_for
        assert first is not None, "a missed run is a slot"
        told = {"slots": len(slots), "first": format_time(first), "reason": reason}
        log.warning("slots_missed", box=slots[0].box, job=job, **told)


def _grouped(missed: Sequence[Run]) -> dict[tuple[str, str | None], list[Run]]:
    found: dict[tuple[str, str | None], list[Run]] = defaultdict(list)
    for run in missed:
        found[run.job, run.reason].append(run)
    return found


def _due(tx: Transaction, box: str, moment: datetime) -> Due:
    looks: list[Look] = []
    left = SLOTS_AT_ONCE
    for expectation in schedules.due(tx, box, moment, SCHEDULES_AT_ONCE):
        if left <= 0:
            break
        looks.append(look(expectation, zone_of(expectation.zone), moment, most=left))
        left -= len(looks[-1].slots)
    wanted: dict[str, set[datetime]] = defaultdict(set)
    for each in looks:
        wanted[each.before.job].update(each.slots)
    there = {
        (run.job, run.scheduled_for)
        for run in runs.in_slots(tx, box, {job: slots for job, slots in wanted.items() if slots})
    }
    absent = (
        (each.before, slot) for each in looks for slot in each.slots if (each.before.job, slot) not in there
    )
    return Due(tuple(looks), tuple(absent))


def _missed(tx: Transaction, box: str, seen: SeenBox | None, due: Due) -> list[Run]:
    if not due.absent:
        return []
    spans = _spans(tx, box, seen)
    unique = dict.fromkeys((expectation.job, slot) for expectation, slot in due.absent)
    return [missed(box, job, slot, reason_of(slot, spans)) for job, slot in unique]


def missed(box: str, job: str, slot: datetime, reason: Reason) -> Run:
    """The row of a slot that did not run."""
    return Run(
        id=secrets.token_hex(8),
        box=box,
        job=job,
        trigger=Trigger.CRON,
        status=Status.MISSED,
        reason=reason.value,
        scheduled_for=slot,
    )


def _spans(tx: Transaction, box: str, seen: SeenBox | None) -> list[Span]:
    """When nothing could run in the box, as far as its incidents reach back."""
    state, cursor = boxes.read(tx, box), cursors.read(tx, box)
    told = incidents.of_kinds(tx, box, KINDS, limit=incidents.KEPT)
    present = Present(
        running=seen is not None and seen.running,
        paused=seen is not None and seen.frozen,
        heard_at=state.stopped_at or (cursor.last_event_at if cursor else None),
        tick_at=state.tick_at,
    )
    return spans_of(_in_order((each.at, each.kind, each.text) for each in reversed(told)), present)


def _in_order(events: Iterable[tuple[datetime, str, str]]) -> list[Happening]:
    """In the order of time, since others than the box note things, too."""
    return sorted((Happening(*event) for event in events), key=lambda event: event.at)


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The zone of this name; UTC for one that is not known here, as cron takes it that finds no such file."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
