"""The lease: which of several daemons on one PostgreSQL leads, and the proof that a writer is still it.

The token is a fencing number: each new leader has a greater one. A writer reads it `FOR KEY SHARE` in its own
transaction. That lets renewals pass, as they change no key, and has a new leader wait until the writer has
ended. So no transaction of an old leader ends after a new one began. All times are the database's own, since
two hosts need not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from cronbox.errors import LeaseLost
from cronbox.store.database import Transaction
from cronbox.store.statement import moment
from cronbox.store.tables import EPOCH, MICROSECOND

NAME = "daemon"
CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

LONGEST = 60_000_000
"""One that has more before it, in microseconds, was taken before the database's clock was set back."""
LIVE = f"(expires_at - {CLOCK}) BETWEEN 1 AND {LONGEST}"

READ = text(f"SELECT token, host, pid, since, {LIVE} AS live FROM lease WHERE name = :name")
TAKE = text(
    "INSERT INTO lease (name, token, host, pid, since, expires_at)"
    f" VALUES (:name, {CLOCK}, :host, :pid, {CLOCK}, {CLOCK} + :ttl)"
    " ON CONFLICT (name) DO UPDATE SET token = greatest(lease.token + 1, excluded.token),"
    " host = excluded.host, pid = excluded.pid, since = excluded.since, expires_at = excluded.expires_at"
    f" WHERE NOT (lease.expires_at - {CLOCK}) BETWEEN 1 AND {LONGEST} RETURNING token"
)
RENEW = text(f"UPDATE lease SET expires_at = {CLOCK} + :ttl WHERE name = :name AND token = :token AND {LIVE}")
RELEASE = text(f"UPDATE lease SET expires_at = {CLOCK} WHERE name = :name AND token = :token")
STILL = text("SELECT token FROM lease WHERE name = :name AND token = :token FOR KEY SHARE")


@dataclass(frozen=True, slots=True)
class Leader:
    """Who holds the lease, or held it last. `since` is aware UTC, by the database's clock."""

    token: int
    host: str
    pid: int
    since: datetime
    live: bool
    """Whether its lease has not run out."""


def read(tx: Transaction) -> Leader | None:
    """None: nobody ever led."""
    row = tx.execute(READ, {"name": NAME}).first()
    return None if row is None else Leader(row.token, row.host, row.pid, moment(row.since) or EPOCH, row.live)


def take(tx: Transaction, *, host: str, pid: int, ttl: timedelta) -> int | None:
    """The new token; None while somebody else's lease has not run out. Waits for the old leader's writers, so
    look with `read` first."""
    given = {"name": NAME, "host": host, "pid": pid, "ttl": ttl // MICROSECOND}
    token: int | None = tx.execute(TAKE, given).scalar()
    return token


def renew(tx: Transaction, token: int, *, ttl: timedelta) -> bool:
    """Whether the lease of this token had not run out, and has its whole time before it again."""
    given = {"name": NAME, "token": token, "ttl": ttl // MICROSECOND}
    return tx.execute(RENEW, given).rowcount == 1


def release(tx: Transaction, token: int) -> None:
    """Let somebody else take it now."""
    tx.execute(RELEASE, {"name": NAME, "token": token})


def hold(tx: Transaction, token: int) -> None:
    """Nobody else leads before this transaction ends. Raises LeaseLost if somebody else led since."""
    if tx.execute(STILL, {"name": NAME, "token": token}).first() is None:
        raise LeaseLost("another daemon leads by now", hint="`cronbox doctor` says which")
