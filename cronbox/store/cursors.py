"""Cursors: how far each box's log is in the store. One moves in the transaction of what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from cronbox.store.database import Transaction
from cronbox.store.statement import Statement, micros, moment
from cronbox.store.tables import CURSOR, EPOCH


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


FIELDS = tuple(field.name for field in fields(Cursor))
OF_BOX = select(*(CURSOR.c[name] for name in FIELDS)).where(CURSOR.c.box == bindparam("box"))
READ = Statement(OF_BOX, ["box"])
READ_TO_MOVE = Statement(OF_BOX.with_for_update(), ["box"])
MOVE = Statement(
    update(CURSOR)
    .where(CURSOR.c.box == bindparam("box_"))
    .values({name: bindparam(name) for name in FIELDS if name != "box"}),
    [*FIELDS[1:], "box_"],
)
BEGIN = Statement(insert(CURSOR).inline(), [*FIELDS[1:], "box"])


def read(tx: Transaction, box: str, *, to_move: bool = False) -> Cursor | None:
    """The box's cursor. One that is read `to_move` it stays as it is until the transaction ends."""
    found = (READ_TO_MOVE if to_move else READ).query(tx, [box])
    return _cursor(found[0]) if found else None


def read_all(tx: Transaction) -> dict[str, Cursor]:
    return {row.box: Cursor(**row._mapping) for row in tx.execute(select(CURSOR))}


def save(tx: Transaction, cursor: Cursor) -> None:
    box, *place, heard, taken = astuple(cursor)
    values = [*place, micros(heard), micros(taken), box]
    if MOVE.change(tx, values) == 0:
        BEGIN.change(tx, values)


def _cursor(row: Sequence[Any]) -> Cursor:
    """The cursor of a row as the driver gives it."""
    box, log_id, seq, boot_id, release, heard, taken = row
    return Cursor(box, log_id, seq, boot_id, release, moment(heard), EPOCH + timedelta(microseconds=taken))
