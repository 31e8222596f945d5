"""Databases to test on: a SQLite file, or a database in a real PostgreSQL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from cronbox.store import Store
from tests.postgres import Server

MOST = 12


class Sqlite:
    """Each database a file in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def url(self) -> str:
        """Where a new, empty database is."""
        self._made += 1
        return f"sqlite:///{self._folder}/{self._made}.db"

    def store(self) -> Store:
        """A new database with the schema of today."""
        return opened(self.url())


class Postgres:
    """Each database one of a server that all tests of this process share."""

    def __init__(self, server: Callable[[], Server]) -> None:
        self._server = server
        self._made: deque[str] = deque()
        self._template: str | None = None

    def url(self) -> str:
        return self._new("template1")

    def store(self) -> Store:
        """A copy of one that was upgraded, which takes half as long."""
        if self._template is None:
            self._template = self._server().database()
            opened(self._server().url(self._template)).close()
        return opened(self._new(self._template))

    def _new(self, template: str) -> str:
        """No test needs more than a few at once, and each takes megabytes."""
        server = self._server()
        self._made.append(server.database(template=template))
        if len(self._made) > MOST:
            server.execute(f"DROP DATABASE {self._made.popleft()} WITH (FORCE)")
        return server.url(self._made[-1])


Databases = Sqlite | Postgres


def opened(url: str) -> Store:
    store = Store.open(url)
    store.upgrade()
    return store
