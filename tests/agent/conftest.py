from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cronbox.agent.paths import Paths
from tests.agent.builders import Box, a_root


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return a_root(tmp_path / "box")


@pytest.fixture
def box(paths: Paths) -> Iterator[Box]:
    """An agent that can be started; ended at the latest with the test."""
    if os.getuid() != 0:
        pytest.skip("the agent changes users, so it must be root")
    box = Box(paths)
    yield box
    if box.agent is not None and box.agent.poll() is None:
        box.agent.terminate()
        box.agent.terminate()
        box.agent.wait(20)
