"""Pauses in force, as the agents said so in their logs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from cronbox.store.database import Transaction
from cronbox.store.tables import PAUSE


@dataclass(frozen=True, slots=True)
class Pause:
    """A box, or one job of it, is not started. `until` None: until somebody resumes it."""

    box: str
    job: str | None
    since: datetime
    until: datetime | None = None
    why: str | None = None
    by: str | None = None


def read(tx: Transaction, box: str | None) -> list[Pause]:
    query = select(PAUSE).order_by(PAUSE.c.box, PAUSE.c.job)
    rows = tx.execute(query if box is None else query.where(PAUSE.c.box == box))
    return [Pause(row.box, row.job or None, row.since, row.until, row.why, row.by) for row in rows]


def put(tx: Transaction, pause: Pause) -> None:
    """The pause, in place of one of the same job."""
    lift(tx, pause.box, pause.job)
    values = {"since": pause.since, "until": pause.until, "why": pause.why, "by": pause.by}
    tx.execute(insert(PAUSE).values(box=pause.box, job=pause.job or "", **values))


def lift_all(tx: Transaction, box: str) -> None:
    tx.execute(delete(PAUSE).where(PAUSE.c.box == box))


def lift(tx: Transaction, box: str, job: str | None) -> None:
    tx.execute(delete(PAUSE).where(PAUSE.c.box == box, PAUSE.c.job == (job or "")))
