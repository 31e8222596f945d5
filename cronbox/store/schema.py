"""The database's schema, and how it is brought to the one this program needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cronbox.errors import StoreError


@cache
def head() -> str:
    """The revision this program needs."""
    revision = _scripts().get_current_head()
    assert revision is not None, "the package ships at least one migration"
    return revision


def current(connection: Connection) -> str | None:
    """The database's revision; None for an empty one. Raises StoreError for one made by a newer program."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in _known():
        raise StoreError(
            f"the database has schema {revision}, which this cronbox does not know",
            hint="use the cronbox that made it, or a newer one",
        )
    return revision


def upgrade(connection: Connection, *, to: str | None = None) -> None:
    """Run what migrations are missing, or those up to a revision, in the connection's transaction."""
    if current(connection) == head():
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to or "head")


def revisions() -> list[str]:
    """Every revision there has been, oldest first."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


def _config() -> Config:
    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
