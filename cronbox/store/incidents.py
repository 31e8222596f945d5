"""Incidents: what happened to a box and is no run. Each box keeps the newest KEPT of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from cronbox.store.database import Transaction
from cronbox.store.tables import INCIDENT

KEPT = 5_000
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Incident:
    """`kind` is the type of the event where the log itself tells it, or one of those in `ops.fold`."""

    box: str
    at: datetime
    kind: str
    text: str = ""
    job: str | None = None


def add(tx: Transaction, box: str, incidents: Sequence[Incident]) -> None:
    """Write incidents of one box, and forget its oldest beyond KEPT."""
    if not incidents:
        return
    tx.execute(insert(INCIDENT), [asdict(incident) for incident in incidents[-KEPT:]])
    of_box = select(INCIDENT.c.pk).where(INCIDENT.c.box == box)
    too_many = of_box.order_by(INCIDENT.c.at.desc(), INCIDENT.c.pk.desc()).offset(KEPT).limit(len(incidents))
    tx.execute(delete(INCIDENT).where(INCIDENT.c.pk.in_(too_many)))


def read(tx: Transaction, box: str, *, since: datetime | None, limit: int) -> list[Incident]:
    """The box's newest incidents, newest first."""
    query = select(INCIDENT).where(INCIDENT.c.box == box)
    if since is not None:
        query = query.where(INCIDENT.c.at >= since)
    rows = tx.execute(query.order_by(INCIDENT.c.at.desc(), INCIDENT.c.pk.desc()).limit(limit))
    return [Incident(row.box, row.at, row.kind, row.text, row.job) for row in rows]


def of_kinds(tx: Transaction, box: str, kinds: Collection[str], *, limit: int) -> list[Incident]:
    """The box's newest incidents of these kinds, newest first."""
    query = select(INCIDENT).where(INCIDENT.c.box == box, INCIDENT.c.kind.in_(sorted(kinds)))
    rows = tx.execute(query.order_by(INCIDENT.c.at.desc(), INCIDENT.c.pk.desc()).limit(limit))
    return [Incident(row.box, row.at, row.kind, row.text, row.job) for row in rows]
