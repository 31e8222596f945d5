"""The outbox: what is to be sent, in one transaction with what it tells of.

A row is `waiting` until it is `sent`, `given_up` (refused for good, or tried for a day), `capped` (kept back
by `daily_cap`) or `superseded` (a ping of which a newer one came first). A sender takes rows by an UPDATE
that names the `next_at` it has seen, and moves it to the end of its lease: so two never hold one row, and a
row whose sender died is free again when the lease is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, distinct, func, insert, select, update

from cronbox.model.event import format_time
from cronbox.store.database import Transaction
from cronbox.store.tables import OUTBOX

KEPT = 5_000
"""Rows that are done with; the oldest go first."""
MOST_AT_ONCE = 200
"""Rows of one message."""
CAPPED = "capped"
"""Kind of the row that tells how many others were kept back, and state of those."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be sent. `kind` is an `alert.Kind`, an `alert.Ping` or CAPPED; `box` and `job` may be
    empty."""

    target: str
    kind: str
    box: str
    job: str
    title: str
    body: str
    at: datetime
    next_at: datetime
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox as it stands."""

    pk: int
    notice: Notice
    state: str
    attempts: int
    error: str | None
    done_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """As `notify log --json` shows it."""
        notice = self.notice
        waits = self.state == "waiting"
        return {
            "id": self.pk,
            "target": notice.target,
            "kind": notice.kind,
            "box": notice.box or None,
            "job": notice.job or None,
            "run": notice.run,
            "title": notice.title,
            "at": format_time(notice.at),
            "state": self.state,
            "attempts": self.attempts,
            "last_error": self.error,
            "next_try": format_time(notice.next_at) if waits else None,
            "done_at": format_time(self.done_at) if self.done_at else None,
        }


def add(tx: Transaction, notices: Sequence[Notice]) -> None:
    if notices:
        tx.execute(insert(OUTBOX), [_values(notice) for notice in notices])


def due_targets(tx: Transaction, now: datetime) -> list[str]:
    """The targets for which something may be taken now."""
    query = select(OUTBOX.c.target).distinct().where(_waits(), OUTBOX.c.next_at <= now)
    return sorted(tx.execute(query).scalars())


def take(
    tx: Transaction, target: str, *, now: datetime, claim: str, lease: datetime, most: int
) -> list[Delivery]:
    """Take up to `most` rows that are due, the oldest first; nobody else has them until `lease`.

    More than one goes into one message, and then what was not tried yet comes along before it is due.
    """
    of_target = select(OUTBOX).where(_waits(), OUTBOX.c.target == target)
    due = tx.execute(of_target.where(OUTBOX.c.next_at <= now).order_by(OUTBOX.c.pk).limit(most)).all()
    if due and most > len(due):
        early = of_target.where(OUTBOX.c.next_at > now, OUTBOX.c.attempts == 0, OUTBOX.c.kind != CAPPED)
        due = [*due, *tx.execute(early.order_by(OUTBOX.c.pk).limit(most - len(due))).all()]
    return [_delivery(row) for row in due if _is_taken(tx, row, claim, lease)]


def _is_taken(tx: Transaction, row: Row[Any], claim: str, lease: datetime) -> bool:
    as_seen = _waits() & (OUTBOX.c.pk == row.pk) & (OUTBOX.c.next_at == row.next_at)
    taken = update(OUTBOX).where(as_seen).values(next_at=lease, claim=claim, attempts=row.attempts + 1)
    return tx.execute(taken).rowcount == 1


def done(tx: Transaction, claim: str, state: str, now: datetime, error: str | None = None) -> None:
    """The rows of a claim have come to an end. One that another sender has taken meanwhile is left to it."""
    tx.execute(update(OUTBOX).where(_held(claim)).values(state=state, done_at=now, error=error))


def retry(tx: Transaction, claim: str, pks: Sequence[int], next_at: datetime, error: str | None) -> None:
    """Some rows of a claim were not sent, and are tried again then."""
    of_claim = _held(claim) & OUTBOX.c.pk.in_(pks)
    tx.execute(update(OUTBOX).where(of_claim).values(next_at=next_at, error=error, claim=None))


def postpone(tx: Transaction, target: str, *, now: datetime, until: datetime) -> None:
    """Hold back what waits for this target and what nobody has taken; what is taken comes to its own end."""
    untaken = OUTBOX.c.claim.is_(None) | (OUTBOX.c.next_at <= now)
    free = _waits() & (OUTBOX.c.target == target) & (OUTBOX.c.next_at < until) & untaken
    tx.execute(update(OUTBOX).where(free).values(next_at=until))


def supersede(tx: Transaction, target: str, now: datetime) -> int:
    """End pings that could not be sent and of whose job there is a newer one: told late, they would say of
    a job what is no longer so -> how many."""
    newer = OUTBOX.alias("newer")
    is_newer = select(newer.c.pk).where(
        newer.c.target == OUTBOX.c.target,
        newer.c.box == OUTBOX.c.box,
        newer.c.job == OUTBOX.c.job,
        newer.c.pk > OUTBOX.c.pk,
    )
    late = _waits() & (OUTBOX.c.target == target) & (OUTBOX.c.attempts > 0) & (OUTBOX.c.next_at <= now)
    return tx.execute(
        update(OUTBOX).where(late, is_newer.exists()).values(state="superseded", done_at=now)
    ).rowcount


def messages_since(tx: Transaction, target: str, since: datetime) -> int:
    """How many messages the target was sent; several rows may have gone in one."""
    query = select(func.count(distinct(OUTBOX.c.claim))).where(*_done("sent", target, since))
    return int(tx.execute(query).scalar_one())


def capped_before(tx: Transaction, target: str, since: datetime, until: datetime) -> int:
    """How many rows were kept back in a span."""
    query = select(func.count()).where(*_done(CAPPED, target, since), OUTBOX.c.done_at < until)
    return int(tx.execute(query).scalar_one())


def cap(tx: Transaction, target: str, *, now: datetime, tell_at: datetime) -> int:
    """Keep back all that waits for the target and is due, and have one line tell of it later -> how many."""
    due = _waits() & (OUTBOX.c.target == target) & (OUTBOX.c.next_at <= now) & (OUTBOX.c.kind != CAPPED)
    kept_back = tx.execute(update(OUTBOX).where(due).values(state=CAPPED, done_at=now)).rowcount
    tells = _waits() & (OUTBOX.c.target == target) & (OUTBOX.c.kind == CAPPED)
    if kept_back and tx.execute(select(OUTBOX.c.pk).where(tells).limit(1)).first() is None:
        add(tx, [Notice(target, CAPPED, "", "", "", "", now, tell_at)])
    return kept_back


def give_up_others(tx: Transaction, known: Sequence[str], now: datetime) -> int:
    """End what waits for targets that there are no longer -> how many."""
    gone = _waits() & OUTBOX.c.target.not_in(known)
    ended = update(OUTBOX).where(gone).values(state="given_up", done_at=now, error="no such target any more")
    return tx.execute(ended).rowcount


def read(tx: Transaction, *, target: str | None, limit: int) -> list[Delivery]:
    """The newest rows, newest first."""
    query = select(OUTBOX).order_by(OUTBOX.c.pk.desc()).limit(limit)
    if target is not None:
        query = query.where(OUTBOX.c.target == target)
    return [_delivery(row) for row in tx.execute(query)]


def prune(tx: Transaction) -> int:
    """Forget the oldest rows that are done with, beyond KEPT -> how many."""
    newest = select(OUTBOX.c.pk).where(OUTBOX.c.state != "waiting").order_by(OUTBOX.c.pk.desc())
    last = tx.execute(newest.offset(KEPT).limit(1)).scalar()
    if last is None:
        return 0
    return tx.execute(delete(OUTBOX).where(OUTBOX.c.state != "waiting", OUTBOX.c.pk <= last)).rowcount


def _waits() -> ColumnElement[bool]:
    return OUTBOX.c.state == "waiting"


def _held(claim: str) -> ColumnElement[bool]:
    return _waits() & (OUTBOX.c.claim == claim)


def _done(state: str, target: str, since: datetime) -> list[ColumnElement[bool]]:
    return [OUTBOX.c.target == target, OUTBOX.c.state == state, OUTBOX.c.done_at >= since]


def _values(notice: Notice) -> dict[str, Any]:
    return {
        "target": notice.target,
        "kind": notice.kind,
        "box": notice.box,
        "job": notice.job,
        "run": notice.run,
        "title": notice.title,
        "body": notice.body,
        "at": notice.at,
        "next_at": notice.next_at,
        "state": "waiting",
        "attempts": 0,
    }


def _delivery(row: Row[Any]) -> Delivery:
    notice = Notice(
        target=row.target,
        kind=row.kind,
        box=row.box,
        job=row.job,
        title=row.title,
        body=row.body,
        at=row.at,
        next_at=row.next_at,
        run=row.run,
    )
    return Delivery(row.pk, notice, row.state, row.attempts, row.error, row.done_at)
