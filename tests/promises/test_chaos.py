"""Nothing lost, nothing stuck, nothing unseen: a short piece of chaos over each kind of store."""

from __future__ import annotations

import pytest

from tests.chaos.conductor import Conductor
from tests.chaos.plan import plan_of
from tests.chaos.world import World

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 40


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(2, marks=pytest.mark.xdist_group("chaos-sqlite"), id="sqlite"),
        pytest.param(
            3, marks=[pytest.mark.postgres, pytest.mark.xdist_group("chaos-postgresql")], id="postgresql"
        ),
    ],
)
def test_after_chaos_the_record_is_what_really_happened(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("c")  # a short path: sockets are in it
    with World(plan_of(seed, SECONDS), root).built() as world:
        report = Conductor(world, print).conduct()
    assert report.findings == []
    assert len(report.faults) >= 10
    assert dict(report.figures())["runs that began"] > 20
