"""The connection: how the database is opened, and how its transactions begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, TimeoutError

from cronbox.errors import StoreError, StoreLost, StoreRefused
from cronbox.store import postgresql

CURE = "`cronbox db restore FILE --force` brings a backup back, and the boxes' logs are read on from there"

BUSY_MS = 30_000
"""How long a writer waits for another one; a chunk of ingest holds the lock for some milliseconds."""

CACHE_KIB = 32_768

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA cache_size=-{CACHE_KIB}",
)

GIVES_BACK = "PRAGMA auto_vacuum=INCREMENTAL"
"""For a file in which nothing stands yet; in another it would do nothing, but wait for the writer."""

HINTS = {
    sqlite3.SQLITE_CORRUPT: CURE,
    sqlite3.SQLITE_NOTADB: CURE,
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "is its disk full, or broken?",
    sqlite3.SQLITE_READONLY: "may you write to the file, and to its folder?",
    sqlite3.SQLITE_CANTOPEN: "may you read the file, and write to its folder?",
    sqlite3.SQLITE_BUSY: "another process holds it for long; `fuser` on the file tells which",
}
"""What to do, by SQLite's code of what is wrong."""

Transaction = Connection
"""What the rooms of the store work on: a connection inside a transaction."""


def connect(url: str) -> Engine:
    """An engine for the database at `url`. A SQLite file is made, with its folder. Raises StoreError."""
    parsed = address(url)
    try:
        engine = create_engine(parsed, **postgresql.options(parsed))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise _no_database(repr(parsed), error) from error
    match engine.dialect.name:
        case "sqlite":
            if parsed.database and parsed.database != ":memory:" and "uri" not in parsed.query:
                _make_file(Path(parsed.database))
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "postgresql":
            event.listen(engine, "connect", postgresql.prepare)
        case other:
            raise _no_database(repr(parsed), f"cronbox does not speak {other}")
    return engine


def address(url: str) -> URL:
    """The URL in its parts, the password hidden when it is printed. Raises StoreError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # Where the password stands in it is not known, so nothing of it is told, nor of what they say.
        why = "it is no URL; in a password, `@`, `:` and `/` are written as %40, %3A and %2F"
        raise _no_database("what `database` says", why) from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername=postgresql.DRIVER)
    return parsed


def _no_database(where: str, why: object) -> StoreError:
    return StoreError(
        f"no database at {where}: {why}",
        hint=f"SQLite: sqlite:////path/to/file.db; PostgreSQL: {postgresql.DRIVER}://user@host/name",
    )


def _make_file(path: Path) -> None:
    """For its owner only, since it holds what jobs print. SQLite gives the files beside it the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(0o600)
    except OSError as error:
        raise StoreError(f"cannot make the database: {error}", hint="look at `state_dir`") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """The driver must not begin transactions by itself: it would begin them as readers, and a reader that
    turns into a writer fails at once when somebody else wrote meanwhile."""
    connection.isolation_level = None
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute(GIVES_BACK)
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _connected(engine: Engine, *, writing: bool) -> Connection:
    options = postgresql.reading() if engine.dialect.name == "postgresql" and not writing else {}
    return engine.connect().execution_options(writing=writing, **options)


@contextmanager
def transaction(engine: Engine, *, writing: bool, turn: bool = True) -> Iterator[Transaction]:
    """One transaction, committed when the block ends well. What the database refuses is a StoreError.

    There is one writer at a time, also in PostgreSQL: what a writer has read stays true until it ends. There,
    one without its `turn` does not wait for the others.
    """
    try:
        with _connected(engine, writing=writing) as connection, connection.begin():
            if writing and turn and engine.dialect.name == "postgresql":
                postgresql.wait_for_turn(connection)
            yield connection
    except TimeoutError as error:
        raise StoreLost(
            "the database has no connection free", hint="it is slow, or does not answer"
        ) from error
    except DBAPIError as error:
        raise (_of_postgresql if engine.dialect.name == "postgresql" else _of_sqlite)(error) from error


def is_damage(error: DBAPIError) -> bool:
    """Whether SQLite found that its file is damaged, or none of its own."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: DBAPIError) -> int:
    """What is wrong by SQLite's own code; the bits above its kind are left out."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _of_sqlite(error: DBAPIError) -> StoreError:
    hint = HINTS.get(_code(error), "`cronbox db check` looks at it")
    return StoreError(f"the database refused: {error.orig}", hint=hint)


def _of_postgresql(error: DBAPIError) -> StoreError:
    if postgresql.refuses_us(error):
        hint = "are user, password and name right in `database`, PGPASSWORD or ~/.pgpass?"
        return StoreRefused(f"PostgreSQL does not let cronbox in: {_said(error)}", hint=hint)
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return StoreLost(f"the database is lost: {_said(error)}", hint="does PostgreSQL run?")
    return StoreError(f"the database refused: {_said(error)}", hint="look at `database` in config.toml")


def _said(error: DBAPIError) -> str:
    """What the driver said, in one line."""
    return " ".join(str(error.orig).split())
