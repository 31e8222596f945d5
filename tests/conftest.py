"""Fixtures that every test may use."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project import Project

# What is started in the background ignores SIGINT, and its children would; ours are interrupted by tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
