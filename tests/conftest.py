"""Fixtures that every test may use."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cronbox.store import Store
from tests.databases import Databases, Postgres, Sqlite
from tests.postgres import Server, running
from tests.project import Project

# A change is judged by the same examples each time; `HYPOTHESIS_PROFILE=explore` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", print_blob=True, max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# What is started in the background ignores SIGINT, and its children would; ours are interrupted by tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that wait come first: a long test that begins last is waited for by idle workers."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = 2 * (item.get_closest_marker("engine") is None) + (item.get_closest_marker("slow") is None)
        ranks[item.path] = min(rank, ranks.get(item.path, rank))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of this process's own; it keeps running for all tests, each takes its own database."""
    with running() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Makes new databases; the test runs once over each kind."""
    if request.param == "sqlite":
        return Sqlite(tmp_path_factory.mktemp("databases"))
    return Postgres(lambda: request.getfixturevalue("postgres"))


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """An empty store."""
    made = databases.store()
    yield made
    made.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in SQLite, for what only SQLite has."""
    made = Sqlite(tmp_path).store()
    yield made
    made.close()


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects, each with a name of its own, and cleans up after them."""
    made: list[Project] = []

    def make(config: str = "") -> Project:
        name = f"test-{secrets.token_hex(4)}"
        made.append(Project(tmp_path / name, name, config))
        return made[-1]

    yield make
    for project in made:
        project.clean()


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """One project with nothing in it."""
    return make_project()
