"""What PostgreSQL needs that SQLite does not: time limits, a steady view for readers, turns for writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

DRIVER = "postgresql+psycopg"

CONNECT_ARGS = {
    "application_name": "cronbox",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}
"""A server that went away without a word is noticed within seconds. What the URL says goes first."""

SETTINGS = (
    # A process that hangs amid a transaction must not keep its locks: the server ends it.
    "SET idle_in_transaction_session_timeout = '5s'",
    "SET lock_timeout = '30s'",
)
POOL = {"pool_pre_ping": True, "pool_size": 8, "max_overflow": 24, "pool_timeout": 30}

WRITERS = 0x63726F6E626F78
"""The advisory lock of whoever writes ("cronbox"). Readers and the lease need none."""


def options(url: URL) -> dict[str, Any]:
    """How an engine for this URL is made; nothing special for another database."""
    if not url.drivername.startswith("postgresql"):
        return {}
    return {"connect_args": {k: v for k, v in CONNECT_ARGS.items() if k not in url.query}, **POOL}


def prepare(connection: Any, _record: Any) -> None:
    """Settings of each new connection."""
    connection.autocommit = True
    for setting in SETTINGS:
        connection.execute(setting)
    connection.autocommit = False


def refuses_us(error: DBAPIError) -> bool:
    """Whether the server is there, and does not let us in: it asked who we are, and then hung up. One that
    starts, stops or is full does not come to asking."""
    attempt = getattr(error.orig, "pgconn", None)
    return attempt is not None and bool(attempt.used_password)


def reading() -> dict[str, Any]:
    """Several queries of one reader see one state, as they do in SQLite."""
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def wait_for_turn(connection: Connection) -> None:
    """Wait until no other transaction writes. The turn ends with the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


def copy_into(table: str, names: Sequence[str]) -> str:
    """The statement that takes rows of these columns."""
    columns = ", ".join(f'"{name}"' for name in names)
    return f'COPY "{table}" ({columns}) FROM STDIN'


def copy(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows the fast way. What the database refuses is raised as if SQLAlchemy had asked."""
    from psycopg import Error

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as into:
            for row in rows:
                into.write_row(row)
    except Error as error:
        raise DBAPIError.instance(statement, None, error, Error, dialect=connection.dialect) from error
