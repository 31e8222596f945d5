"""What is let go of the history, what stays, and that nobody reads through everything for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, func, select, text

from cronbox.model.run import FAILURES, Run, Status, Trigger
from cronbox.store import Keeping, Store, outputs, pruning, runs, space
from cronbox.store.outputs import OutputBatch
from cronbox.store.tables import OUTPUT

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_run(id: str, *, minute: int = 0, **fields: Any) -> Run:
    at = NOON + timedelta(minutes=minute)
    basic: dict[str, Any] = {"box": "etl", "job": "load", "trigger": Trigger.CRON, "status": Status.SUCCEEDED}
    return Run(id, **{**basic, "scheduled_for": at, "started_at": at, **fields})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def in_file(file: Path) -> Iterator[Store]:
    """A store in SQLite, for what only SQLite has."""
    opened = Store.open(f"sqlite:///{file}")
    opened.upgrade()
    yield opened
    opened.close()


def put(store: Store, *new: Run, printed: int = 0) -> None:
    """Runs, each with so many batches of output."""
    with store.transaction() as tx:
        runs.add(tx, new)
        for run in new:
            lines = [[0.1, "out", f"{run.id} did it {number}"] for number in range(5)]
            outputs.add(tx, run.box, [OutputBatch(run.id, run.job, run.at, lines)] * printed)


def keeping(minute: int = 0, *, per_job: int | None = None, failures: int = 0) -> Keeping:
    """What came up before so many minutes after noon is too old."""
    return Keeping(NOON + timedelta(minutes=minute), per_job=per_job, failures=failures)


def prune(store: Store, rule: Keeping) -> None:
    for old in store.old_runs(rule):
        store.remove_runs(old.pks)


def left(store: Store) -> set[str]:
    return {run.id for run in store.runs()}


def sizes(store: Store) -> tuple[int, int]:
    """What is noted of the output's size, and what it is."""
    with store.transaction() as tx:
        true = tx.execute(select(func.coalesce(func.sum(func.length(OUTPUT.c.lines)), 0))).scalar_one()
    return store.output_bytes(), true


def test_runs_that_are_too_old_go_and_open_ones_stay(store: Store):
    put(store, *(a_run(f"r{n}", minute=n) for n in range(10)), printed=1)
    put(store, a_run("open", minute=-1, status=Status.RUNNING), printed=1)
    prune(store, keeping(7))
    assert left(store) == {"r7", "r8", "r9", "open"}
    assert [line.text for line in store.output("open")]


def test_of_each_job_the_newest_runs_stay(store: Store):
    put(store, *(a_run(f"{job}{n}", job=job, minute=n) for job in "ab" for n in range(5)))
    prune(store, keeping(per_job=2))
    assert left(store) == {"a3", "a4", "b3", "b4"}


def test_the_last_failures_of_each_job_stay_however_old_they_are(store: Store):
    bad = {1: Status.FAILED, 2: Status.TIMED_OUT, 4: Status.LOST, 5: Status.KILLED}
    put(store, *(a_run(f"r{n}", minute=n, status=bad.get(n, Status.SUCCEEDED)) for n in range(8)))
    put(store, a_run("other", job="report", status=Status.FAILED))
    prune(store, keeping(100, failures=2))
    assert left(store) == {"r2", "r4", "other"}


def test_the_attempts_of_a_run_go_together_or_stay_together(store: Store):
    put(store, a_run("r1", status=Status.FAILED), a_run("s1", minute=5, status=Status.FAILED))
    put(store, a_run("r2", minute=9, attempt=2, origin="r1", trigger=Trigger.RETRY))
    put(store, a_run("s2", minute=6, attempt=2, origin="s1", trigger=Trigger.RETRY))
    prune(store, keeping(8))
    assert left(store) == {"r1", "r2"}
    prune(store, keeping(10))
    assert left(store) == set()


def test_attempts_go_together_also_when_one_is_too_old_and_the_other_one_too_many(store: Store):
    put(store, a_run("r1", status=Status.FAILED))
    put(store, a_run("r2", minute=9, attempt=2, origin="r1", trigger=Trigger.RETRY))
    put(store, *(a_run(f"new{n}", minute=20 + n) for n in range(3)))
    prune(store, keeping(5, per_job=3))
    assert left(store) == {"new0", "new1", "new2"}


@pytest.mark.parametrize("rule", [keeping(700), keeping(per_job=100)])
def test_a_walk_of_several_pages_leaves_nothing_out(store: Store, rule: Keeping):
    many = pruning.PAGE + 300
    put(store, *(a_run(f"r{n}", minute=n // 2, occurrence=n % 2) for n in range(many)))
    pks = [pk for old in store.old_runs(rule) for pk in old.pks]
    assert len(pks) == len(set(pks)) == many - (0 if rule.per_job is None else 100)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(sorted(Status)), max_size=25),
    st.integers(0, 25),
    st.integers(1, 6),
    st.integers(0, 4),
)
def test_what_stays_is_what_the_rule_says_of_each_run(
    tmp_path: Path, ends: list[Status], limit: int, per_job: int, failures: int
):
    with closing(Store.open(f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}.db")) as store:
        store.upgrade()
        put(store, *(a_run(f"{n:02}", minute=n, status=status) for n, status in enumerate(ends)))
        failed = [n for n, status in enumerate(ends) if status in FAILURES]
        kept = {
            n
            for n, status in enumerate(ends)
            if status.is_open
            or (n >= limit and n >= len(ends) - per_job)
            or (failures and n in failed[-failures:])
        }
        prune(store, keeping(limit, per_job=per_job, failures=failures))
        assert left(store) == {f"{n:02}" for n in kept}


def test_the_size_of_all_output_is_known_without_adding_it_up(store: Store):
    put(store, *(a_run(f"r{n}", minute=n, box=f"box{n % 2}") for n in range(6)), printed=3)
    assert sizes(store)[0] == sizes(store)[1] > 0
    prune(store, keeping(3))
    assert sizes(store)[0] == sizes(store)[1] > 0
    prune(store, keeping(9))
    assert sizes(store) == (0, 0)


def test_the_oldest_output_goes_first_whole_runs_at_a_time(store: Store):
    put(store, *(a_run(f"r{n}", minute=n) for n in range(4)), printed=3)
    put(store, a_run("open", minute=-5, status=Status.RUNNING), printed=1)
    each = (store.output_bytes() // 13) * 3
    going = list(store.oldest_output(each + 1))
    assert len(going) == 2
    while store.forget_output([run for run, _ in going]):
        pass
    printed = [bool(list(store.output(run))) for run in ("r0", "r1", "r2", "r3", "open")]
    assert printed == [False, False, True, True, True]
    assert len(store.runs()) == 5


def test_output_goes_in_steps_of_bounded_size(store: Store):
    put(store, a_run("r1"), printed=pruning.STEP_BATCHES + 5)
    ((run, size),) = store.oldest_output(1)
    steps = [store.forget_output([run]) for _ in range(3)]
    assert steps[0] > steps[1] > steps[2] == 0 and sum(steps) == size


def test_space_that_becomes_free_goes_back_to_the_file_system(file: Path, in_file: Store):
    put(in_file, *(a_run(f"r{n}", minute=n) for n in range(4000)), printed=1)
    in_file.shorten_log()
    full = file.stat().st_size
    prune(in_file, keeping(4000))
    steps = list(iter(in_file.give_back_space, 0))
    assert max(steps) == space.STEP_PAGES
    in_file.shorten_log()
    assert file.stat().st_size < full / 5
    assert file.with_name("history.db-wal").stat().st_size == 0
    in_file.check()


def test_cutting_the_log_off_waits_for_no_reader(file: Path, in_file: Store):
    put(in_file, a_run("r1"))
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM run").fetchall()
        put(in_file, a_run("r2", minute=1))
        begun = datetime.now(UTC)
        in_file.shorten_log()
        assert datetime.now(UTC) - begun < timedelta(seconds=5)


def test_nothing_that_retention_asks_reads_through_all_runs(in_file: Store):
    place = (NOON, 7)
    asked = {
        "walk": (pruning.walked([], place, None), ["run_at (at<?)"]),
        "walk on": (pruning.walked([], place, place), ["run_at (at>? AND at<?)"]),
        "jobs": (pruning.job_behind(("etl", "load")), ["((box,job)>(?,?))"]),
        "newest": (pruning.place_of("etl", "load", 5), ["run_job_at (box=? AND job=?)"]),
        "failures": (
            next(pruning.failures_of("etl", "load", 5)),
            ["run_job_status_at (box=? AND job=? AND status=? AND trigger=?)"],
        ),
        "batches": (pruning.batches_of([1, 2], 5), ["output_run (run=?)", "run USING INTEGER PRIMARY KEY"]),
        "oldest output": (pruning.oldest_output(3), ["(rowid>?)", "run USING INTEGER PRIMARY KEY"]),
        "size": (pruning.size_of([3]), ["output_run (run=?)"]),
    }
    for what, (query, parts) in asked.items():
        plan = plan_of(in_file, query)
        assert all(step.startswith("SEARCH") for step in plan), (what, plan)
        assert all(any(part in step for step in plan) for part in parts), (what, plan)


def plan_of(store: Store, query: Select[Any]) -> list[str]:
    with store.transaction() as tx:
        sql = str(query.compile(tx.engine, compile_kwargs={"literal_binds": True}))
        return [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {sql}".replace(":", r"\:")))]
