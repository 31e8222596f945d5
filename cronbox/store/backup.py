"""The database in one file, and back. A backup is one moment of it, taken while everybody goes on working.

Of SQLite it is a SQLite file; of PostgreSQL what `pg_dump` makes, and the lease stays out of it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlmodel import SQLModel

from cronbox.errors import StoreError
from cronbox.store import schema
from cronbox.store.database import BUSY_MS, address

VERSION_TABLE = "alembic_version"
TABLES = [VERSION_TABLE, *(table.name for table in reversed(SQLModel.metadata.sorted_tables))]

NOT_OURS = "it is no backup of cronbox"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, None for another one. Raises StoreError."""
    parsed = address(url)
    return Path(parsed.database or "") if parsed.drivername.startswith("sqlite") else None


def backup(url: str, target: Path) -> None:
    """Write the database to a new file. Raises StoreError, also where the file is there already."""
    if target.exists():
        raise StoreError(f"{target} is there already", hint="name another file, or take that one away")
    with _new_file(target) as part:
        source = sqlite_file(url)
        if source is None:
            _dump(address(url), part)
        else:
            _copy_out(source, part)


def restore(url: str, source: Path) -> None:
    """Put a backup in the place of all that is in the database, whole or not at all. Raises StoreError."""
    target = sqlite_file(url)
    if target is None:
        _load(address(url), source)
    else:
        _copy_in(source, target)


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A file that gets its name when it is complete and on the disk, and never another's."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    part = Path(name)
    try:
        yield part
        os.fsync(handle)
        target.hardlink_to(part)
    except FileExistsError:
        raise StoreError(f"{target} is there already", hint="somebody else wrote it meanwhile") from None
    finally:
        os.close(handle)
        part.unlink()


# SQLite


def _copy_out(source: Path, part: Path) -> None:
    if not source.is_file():
        raise StoreError(f"no database at {source} yet", hint="`cronbox db upgrade` makes it")
    with _sqlite(source), closing(_opened(source)) as database, closing(_opened(part)) as copy:
        database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        _check(copy, source)


def _copy_in(source: Path, target: Path) -> None:
    """SQLite's own copy into an open database is one transaction of it, so a crash leaves the old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _sqlite(source), closing(_opened(source, "?mode=ro")) as backup:
        _check(backup, source)
        _check_revision(_revision(backup), source)
        with _sqlite(target), closing(_opened(target)) as database:
            backup.backup(database)


def set_aside(damaged: Path) -> Path:
    """Give a file that is no database any more another name -> that name."""
    number = 1
    while (aside := damaged.with_name(f"{damaged.name}.damaged-{number}")).exists():
        number += 1
    for end in ("", "-wal", "-shm"):
        if (part := damaged.with_name(damaged.name + end)).exists():
            part.rename(aside.with_name(aside.name + end))
    return aside


def _opened(path: Path, options: str = "") -> sqlite3.Connection:
    address = f"file:{_quoted(path)}{options}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def _sqlite(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}", hint="`cronbox db check` looks at the database") from error


def _check(database: sqlite3.Connection, path: Path) -> None:
    found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreError(f"{path} is damaged: {found}", hint="an older backup may be whole")


def _revision(database: sqlite3.Connection) -> str | None:
    tables = "SELECT 1 FROM sqlite_master WHERE name = ?"
    if database.execute(tables, [VERSION_TABLE]).fetchone() is None:
        return None
    row = database.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return str(row[0]) if row else None


def _check_revision(revision: str | None, source: Path) -> None:
    if revision is None:
        raise StoreError(f"{source} cannot be restored: {NOT_OURS}")
    if revision not in schema.revisions():
        raise StoreError(
            f"{source} has schema {revision}, which this cronbox does not know", hint="use a newer cronbox"
        )


# PostgreSQL


def _dump(url: URL, part: Path) -> None:
    options = ["--format=custom", "--no-owner", "--no-privileges", "--exclude-table-data=lease"]
    _run("pg_dump", url, *options, f"--file={part}")


def _load(url: URL, source: Path) -> None:
    """Everything in one transaction: away with the tables there are, and in with those of the backup."""
    with tempfile.TemporaryDirectory() as folder:
        script, drops = Path(folder, "backup.sql"), Path(folder, "drops.sql")
        _tool("pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(source)], os.environ)
        _check_revision(_revision_in(script), source)
        drops.write_text("".join(f'DROP TABLE IF EXISTS "{name}" CASCADE;\n' for name in TABLES))
        options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        _run("psql", url, *options, f"--file={drops}", f"--file={script}")


def _revision_in(script: Path) -> str | None:
    """The revision in a dump."""
    with script.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("COPY ") and VERSION_TABLE in line:
                return file.readline().strip()
    return None


def _run(program: str, url: URL, *options: str) -> None:
    """A program of PostgreSQL on the database. The password goes where no list of processes shows it."""
    words, secret = _conninfo(url)
    _tool(program, [*options, f"--dbname={words}"], {**os.environ, **secret})


def _conninfo(url: URL) -> tuple[str, dict[str, str]]:
    from psycopg.conninfo import make_conninfo

    given = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    password = given.pop("password", None)
    return make_conninfo(**given), {} if password is None else {"PGPASSWORD": str(password)}


def _tool(program: str, options: list[str], env: Mapping[str, str]) -> None:
    path = shutil.which(program)
    if path is None:
        raise StoreError(
            f"{program} is not installed here", hint="install PostgreSQL's client (Debian: postgresql-client)"
        )
    done = subprocess.run(
        [path, *options], env=env, check=False, capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[-400:]
        raise StoreError(f"{program} failed: {said}", hint="is it as new as the server?")
