"""Fixtures that every test may use."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.project import Project

# A change is judged by the same examples each time; `HYPOTHESIS_PROFILE=explore` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", print_blob=True, max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

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
