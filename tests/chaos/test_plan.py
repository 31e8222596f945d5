"""A seed means the same each time, and faults keep out of each other's way where they must."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos import checker, slots
from tests.chaos.faults import FAULTS
from tests.chaos.plan import Kind, plan_of


def test_every_kind_of_fault_can_be_done() -> None:
    assert set(FAULTS) == set(Kind)


def test_a_long_plan_has_every_kind_of_fault_that_its_store_knows() -> None:
    kinds = {fault.kind for seed in (1, 2) for fault in plan_of(seed, 300).faults}
    assert kinds == set(Kind)


def test_the_page_tells_of_every_fault_and_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "chaos.md").read_text()
    rules = set(
        re.findall(r'Finding\("(\w+)"', "".join(Path(room.__file__).read_text() for room in (checker, slots)))
    )
    assert {f"`{word}`" for word in [*Kind, *rules]} <= set(re.findall("`[a-z ]+`", page))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(10, 600))
def test_a_seed_means_the_same_plan_and_no_two_faults_of_one_scope_overlap(seed: int, seconds: float) -> None:
    plan = plan_of(seed, seconds)
    assert plan == plan_of(seed, seconds)
    boxes = tuple(plan.boxes)
    for one, other in combinations(plan.faults, 2):
        if set(one.scopes(boxes)) & set(other.scopes(boxes)):
            assert one.at + one.lasts < other.at or other.at + other.lasts < one.at
