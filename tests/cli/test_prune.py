"""`cronbox prune`, and what is said of a run whose output is gone."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.cli.desk import Desk


@pytest.fixture
def run(desk: Desk) -> str:
    """A run that printed more than a megabyte."""
    noise = random.Random(1)
    desk.up()
    desk.agent.prints["load"] = [[0.0, "out", noise.randbytes(25_000).hex()] for _ in range(50)]
    desk.agent.ends["load"] = {"exit_code": 0}
    return str(desk("run", "etl/load", "--json").json["id"])


def test_a_dry_run_says_what_would_go_and_leaves_it(desk: Desk, run: str) -> None:
    desk.pass_time(timedelta(days=91))
    answer = desk("prune", "--dry-run", "--json").json
    assert answer == {
        "dry_run": True,
        "runs": {"age": 1, "count": 0},
        "outputs": 0,
        "output_bytes": 0,
        "images": [],
    }
    assert desk("show", run).code == 0
    assert "runs gone: 1 by age" in desk("prune").out
    assert run not in [left["id"] for left in desk("runs", "--json").json]


def test_show_and_logs_say_that_the_output_of_a_run_was_pruned(desk: Desk, run: str) -> None:
    assert desk("show", run, "--json").json["output_pruned_at"] is None
    desk.configure("[retention]\noutput_mb = 1\n")
    assert "output gone: of 1 run, " in desk("prune").out
    assert desk("show", run, "--json").json["output_pruned_at"] == "2026-03-02T12:00:00Z"
    assert "\npruned     its output, on 2026-03-02" in desk("show", run).out
    told = desk("logs", run)
    assert told.out == "" and "the output of this run was pruned on 2026-03-02" in told.err


def test_without_an_engine_the_history_is_pruned_all_the_same(desk: Desk, run: str) -> None:
    desk.pass_time(timedelta(days=91))
    desk.engine.go_away()
    answer = desk("prune", "--json")
    assert (answer.code, answer.json["runs"]["age"], answer.json["images"]) == (0, 1, None)
    assert "images are left alone" in answer.err
