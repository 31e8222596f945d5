"""Conditions: opened and closed by difference, in the transaction of who was to be told of it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from cronbox.model.conditions import Condition, Difference, Kind, difference
from cronbox.store.database import Transaction
from cronbox.store.tables import CONDITION

KEPT = 1_000
"""Closed conditions of each box; the oldest go."""
LONGEST_TEXT = 500


def read(tx: Transaction, box: str | None = None) -> list[Condition]:
    """The open conditions of a box, or of all, by box and job, the oldest first."""
    query = select(CONDITION).where(CONDITION.c.until.is_(None))
    if box is not None:
        query = query.where(CONDITION.c.box == box)
    order = (CONDITION.c.box, CONDITION.c.job, CONDITION.c.since, CONDITION.c.kind)
    return [_condition(row) for row in tx.execute(query.order_by(*order))]


def history(tx: Transaction, box: str, *, limit: int) -> list[Condition]:
    """The box's newest conditions, open and closed, newest first."""
    query = select(CONDITION).where(CONDITION.c.box == box)
    newest = query.order_by(CONDITION.c.since.desc(), CONDITION.c.pk.desc()).limit(limit)
    return [_condition(row) for row in tx.execute(newest)]


def settle(
    tx: Transaction,
    box: str,
    wanted: Sequence[Condition],
    *,
    now: datetime,
    undecided: Set[Kind] = frozenset(),
) -> Difference:
    """Make these the box's open conditions, and leave those alone that are undecided -> what has opened and
    closed."""
    present = {condition.key: condition for condition in read(tx, box)}
    changed = difference(present, wanted, now=now, undecided=undecided)
    for condition in (*changed.closed, *changed.retold):
        tx.execute(
            update(CONDITION)
            .where(
                CONDITION.c.box == condition.box,
                CONDITION.c.job == condition.job,
                CONDITION.c.kind == condition.kind.value,
                CONDITION.c.until.is_(None),
            )
            .values(until=condition.until, text=condition.text[:LONGEST_TEXT])
        )
    if changed.opened:
        tx.execute(insert(CONDITION), [_values(condition) for condition in changed.opened])
    if changed.closed:
        _forget(tx, box)
    return changed


def _forget(tx: Transaction, box: str) -> None:
    closed = select(CONDITION.c.pk).where(CONDITION.c.box == box, CONDITION.c.until.is_not(None))
    oldest = closed.order_by(CONDITION.c.since.desc(), CONDITION.c.pk.desc()).offset(KEPT)
    if gone := list(tx.execute(oldest).scalars()):
        tx.execute(delete(CONDITION).where(CONDITION.c.pk.in_(gone)))


def _values(condition: Condition) -> dict[str, Any]:
    return {
        "box": condition.box,
        "job": condition.job,
        "kind": condition.kind.value,
        "since": condition.since,
        "text": condition.text[:LONGEST_TEXT],
    }


def _condition(row: Row[Any]) -> Condition:
    return Condition(row.box, row.job, Kind(row.kind), row.since, row.text, row.until)
