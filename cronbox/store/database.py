"""The connection: how the database is opened, and how its transactions begin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from cronbox.errors import StoreError

BUSY_MS = 30_000
"""How long a writer waits for another one; a chunk of ingest holds the lock for some milliseconds."""

CACHE_KIB = 32_768

PRAGMAS = (
    "PRAGMA auto_vacuum=INCREMENTAL",  # first: it holds for a file in which nothing stands yet
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA cache_size=-{CACHE_KIB}",
)

Transaction = Connection
"""What the rooms of the store work on: a connection inside a transaction."""


def connect(url: str) -> Engine:
    """An engine for the database at `url`. A SQLite file's folder is made. Raises StoreError."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"no database at {url!r}: {error}", hint="for SQLite: sqlite:////path/to/file.db"
        ) from error
    if engine.dialect.name == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            _make_folder(Path(parsed.database).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the database's folder: {error}", hint="look at `state_dir`") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """The driver must not begin transactions by itself: it would begin them as readers, and a reader that
    turns into a writer fails at once when somebody else wrote meanwhile."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writing: bool) -> Iterator[Transaction]:
    """One transaction, committed when the block ends well. What the database refuses is a StoreError."""
    try:
        with engine.connect().execution_options(writing=writing) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise StoreError(
            f"the database refused: {error.orig}", hint="`cronbox db check` looks at it; is the disk full?"
        ) from error
