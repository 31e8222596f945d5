"""Free pages of a SQLite file go back to the file system, a few at a time. PostgreSQL has autovacuum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from cronbox.errors import StoreError
from cronbox.store.database import BUSY_MS

STEP_PAGES = 250
"""Pages that one transaction gives back."""


def give_back(engine: Engine) -> int:
    """Give back some free pages in a short transaction -> how many. 0: none is free, or the file was made
    without `auto_vacuum`."""
    if engine.dialect.name != "sqlite":
        return 0
    with _driver(engine) as connection:
        before = _free_pages(connection)
        if before:
            # As a script, since a plain execute takes only the first step of a pragma that has no rows.
            connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")
        return before - _free_pages(connection)


def shorten_log(engine: Engine) -> None:
    """Move what the write-ahead log holds into the file and cut it off, unless somebody reads from it now:
    nobody is made to wait for that."""
    if engine.dialect.name != "sqlite":
        return
    with _driver(engine) as connection:
        try:
            for pragma in ("busy_timeout=0", "wal_checkpoint(PASSIVE)", "wal_checkpoint(TRUNCATE)"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _free_pages(connection: Any) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """A connection of the driver itself, in no transaction. What the database refuses is a StoreError."""
    connection = engine.raw_connection()
    try:
        yield connection.driver_connection
    except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
        raise StoreError(f"the database refused: {error}", hint="is the disk full?") from error
    finally:
        connection.close()
