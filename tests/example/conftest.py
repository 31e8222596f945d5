"""Boxes for the example's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.example.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box whose data volume is new."""
    data = tmp_path / "data"
    data.mkdir()
    return Box(data)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A box that has loaded all that is shipped. Not to be changed by a test."""
    return Box(tmp_path_factory.mktemp("loaded")).load()
