"""The judge, made once for all tests that ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cron.judge import Judge
from tests.cron.words import SAMPLES, SEED


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def told_seed() -> None:
    """pytest shows it with a test that fails."""
    print(f"CRON_SEED={SEED} CRON_SAMPLES={SAMPLES:g}")
