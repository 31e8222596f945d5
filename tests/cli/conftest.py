from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with no project in it, or above it, to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRONBOX_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def desk(empty: Path) -> Iterator[Desk]:
    at_work = Desk(empty)
    yield at_work
    at_work.leave()
