"""Cursors: how far each box's log is in the store. One moves in the transaction of what it stands for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from cronbox.store.database import Transaction
from cronbox.store.tables import CURSOR


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in a box's log up to which everything is in the store: every event with seq <= `seq`.

    `boot_id` and `release` are those of the last boot before it; `last_event_at` is the box's clock there,
    `ingested_at` ours.
    """

    box: str
    log_id: str
    seq: int
    boot_id: str | None
    release: int | None
    last_event_at: datetime | None
    ingested_at: datetime


def read(tx: Transaction, box: str, *, to_move: bool = False) -> Cursor | None:
    """The box's cursor. One that is read `to_move` it stays as it is until the transaction ends."""
    query = select(CURSOR).where(CURSOR.c.box == box)
    row = tx.execute(query.with_for_update() if to_move else query).one_or_none()
    return Cursor(**row._mapping) if row else None


def read_all(tx: Transaction) -> dict[str, Cursor]:
    return {row.box: Cursor(**row._mapping) for row in tx.execute(select(CURSOR))}


def save(tx: Transaction, cursor: Cursor) -> None:
    values = asdict(cursor)
    if tx.execute(update(CURSOR).where(CURSOR.c.box == cursor.box).values(values)).rowcount == 0:
        tx.execute(insert(CURSOR).values(values))
