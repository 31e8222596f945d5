"""The database as a whole: brought up to date, looked over, saved to a file, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cronbox.config import Config
from cronbox.errors import NotFound, StoreError
from cronbox.ops import Site
from cronbox.ops.lease import nobody_leads
from cronbox.store import RunFilter, Soundness, Store, backup

FORCE = "with --force it takes the place of what is there"


def upgrade(config: Config) -> tuple[str | None, str | None]:
    """Bring the schema to what this program needs -> the schema before and after."""
    with closing(Store.open(config.database_url)) as store:
        before = store.revision()
        store.upgrade()
        return before, store.revision()


def check(config: Config) -> Soundness:
    """Everything that is wrong with the database. Raises StoreError where it cannot even be asked."""
    with _there(config) as store:
        return store.examine()


def save(config: Config, target: Path) -> None:
    """Write the database to a new file, as it is at one moment. Everybody goes on working meanwhile."""
    with _there(config) as store:
        if store.revision() is None:
            raise StoreError("the database is empty", hint="there is nothing to save yet")
    backup.backup(config.database_url, target)


def bring_back(site: Site, source: Path, *, force: bool) -> Path | None:
    """Put a backup in the database's place, whole or not at all; over data only with `force` -> where a file
    that was damaged, or of a newer cronbox, was put aside. Raises DaemonRunning while a daemon may write."""
    if not source.is_file():
        raise NotFound(f"no file {source}")
    with nobody_leads(site):
        aside = _set_aside(site.config) if force else None
        if not force:
            _refuse_data(site.config)
        backup.restore(site.config.database_url, source)
    return aside


@contextmanager
def _there(config: Config) -> Iterator[Store]:
    """The database, which is not made for being looked at."""
    file = backup.sqlite_file(config.database_url)
    if file is not None and not file.is_file():
        raise StoreError(f"no database at {file} yet", hint="`cronbox db upgrade` makes it")
    with closing(Store.open(config.database_url)) as store:
        yield store


def _refuse_data(config: Config) -> None:
    file = backup.sqlite_file(config.database_url)
    if file is not None and not file.exists():
        return
    with closing(Store.open(config.database_url)) as store:
        if store.revision() is None:
            return
        store.upgrade()
        if store.runs(RunFilter(limit=1)) or store.box_states():
            raise StoreError("the database has data in it", hint=FORCE)


def _set_aside(config: Config) -> Path | None:
    """Make room where the file is damaged: a copy into it could not be trusted."""
    file = backup.sqlite_file(config.database_url)
    if file is None or not file.is_file():
        return None
    try:
        with closing(Store.open(config.database_url)) as store:
            store.upgrade()
            store.check()
    except StoreError:
        return backup.set_aside(file)
    return None
