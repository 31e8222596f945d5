"""Questions about runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, text
from sqlalchemy.event import listen

from cronbox.errors import NotFound, StoreError, UsageError
from cronbox.model.run import Run, Status, Trigger
from cronbox.store import RunFilter, Store, runs

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_run(id: str, *, minute: int = 0, **fields: Any) -> Run:
    at = NOON + timedelta(minutes=minute)
    basic: dict[str, Any] = {
        "box": "etl",
        "job": "load",
        "trigger": Trigger.CRON,
        "status": Status.SUCCEEDED,
        "scheduled_for": at,
        "started_at": at,
    }
    return Run(id, **{**basic, **fields})


def put(store: Store, *new: Run) -> None:
    with store.transaction() as tx:
        runs.add(tx, new)


def test_a_run_comes_back_as_it_was_written(store: Store):
    run = replace(
        a_run("r1"),
        reason="because",
        occurrence=2,
        queued_at=NOON + timedelta(microseconds=1),
        finished_at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        duration_s=0.1,
        attempt=3,
        exit_code=255,
        signal=9,
        cpu_s=0.05,
        max_rss_bytes=2**40,
        output_bytes=1,
        dropped_bytes=2,
        release=4,
        boot_id="b",
        origin="r0",
        env={"DAY": "1", "ODD": "\udc80\0"},
        args=("--full", ""),
        result={"rows": "5"},
    )
    put(store, run)
    assert store.run("r1") == run


def test_a_naive_time_is_refused(store: Store):
    with pytest.raises(TypeError):
        put(store, a_run("r1", started_at=datetime(2026, 1, 1)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    box=st.sampled_from([None, "etl", "web"]),
    job=st.sampled_from([None, "load"]),
    status=st.sampled_from([None, Status.FAILED, Status.SUCCEEDED, Status.MISSED]),
    trigger=st.sampled_from([None, Trigger.CRON, Trigger.MANUAL]),
    since=st.sampled_from([None, 30]),
    until=st.sampled_from([None, 60]),
    limit=st.sampled_from([1, 5, 500]),
)
def test_every_filter_gives_the_newest_of_what_fits(
    store: Store, box, job, status, trigger, since, until, limit
):
    if not store.runs(RunFilter(limit=1)):
        kinds = list(
            product(
                ["etl", "web"],
                ["load", "tidy"],
                [Status.FAILED, Status.SUCCEEDED],
                [Trigger.CRON, Trigger.MANUAL],
            )
        )
        put(
            store,
            *(
                a_run(f"r{n:03}", minute=n // 2, box=b, job=j, status=s, trigger=t, occurrence=n)
                for n, (b, j, s, t) in enumerate(kinds * 12)
            ),
        )
    everything = store.runs(RunFilter(limit=1000))
    if job and not box:
        with pytest.raises(UsageError):
            RunFilter(job=job)
        return
    times = [None if m is None else NOON + timedelta(minutes=m) for m in (since, until)]
    fitting = [
        run
        for run in sorted(everything, key=lambda run: (run.at, run.id), reverse=True)
        if box in (None, run.box)
        and job in (None, run.job)
        and status in (None, run.status)
        and trigger in (None, run.trigger)
        and (times[0] is None or run.at >= times[0])
        and (times[1] is None or run.at < times[1])
    ]
    wanted = RunFilter(box, job, status, trigger, times[0], times[1], limit)
    assert store.runs(wanted) == fitting[:limit]


def plan_of(store: Store, query: Select[Any]) -> list[str]:
    with store.transaction() as tx:
        sql = str(query.compile(tx.engine, compile_kwargs={"literal_binds": True}))
        return [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {sql}".replace(":", r"\:")))]


def test_every_listing_takes_its_order_from_an_index_made_for_it(sqlite_store: Store):
    store = sqlite_store
    for box, status, trigger in product([None, "etl"], [None, Status.FAILED], [None, Trigger.MANUAL]):
        for job in {None, "load" if box else None}:
            wanted = RunFilter(box=box, job=job, status=status, trigger=trigger, since=NOON)
            conditions = [name for name in ("box", "job") if getattr(wanted, name)]
            conditions += ["status", "trigger"] if status or trigger else []
            fixed = "".join(f"{name}=? AND " for name in conditions)
            for query in runs.queries_of(wanted):
                (step,) = plan_of(store, query)
                assert step.endswith(f"({fixed}at>?)"), wanted


def test_a_unique_beginning_of_an_id_finds_the_run(store: Store):
    put(store, a_run("abc1"), a_run("abd2", minute=1), a_run("abd22", minute=2))
    assert store.run("abc").id == "abc1"
    assert store.run("abd2").id == "abd2"
    for unknown in ("", "x", "abc12", "\udc80", "a%", "ABC"):
        with pytest.raises(NotFound):
            store.run(unknown)
    with pytest.raises(UsageError):
        store.run("ab")


def test_the_last_run_of_each_job_is_known(store: Store):
    put(store, *(a_run(f"{job}{n}", job=job, minute=n) for job in ("a", "b", "c") for n in range(5)))
    put(store, a_run("other", box="web", job="z"))
    assert {job: run.id for job, run in store.last_runs("etl").items()} == {"a": "a4", "b": "b4", "c": "c4"}
    assert store.last_runs("nowhere") == {}


def test_a_kill_or_a_skip_is_no_failure(store: Store):
    statuses = [Status.FAILED, Status.LOST, Status.KILLED, Status.SKIPPED, Status.SUCCEEDED, Status.RUNNING]
    put(store, *(a_run(f"r{n}", minute=n, status=status) for n, status in enumerate(statuses)))
    failure = store.last_failure("etl")
    assert failure is not None and failure.id == "r1"
    assert store.last_failure("web") is None


def test_open_runs_are_those_queued_or_running(store: Store):
    put(store, *(a_run(f"{status}", minute=n, status=status) for n, status in enumerate(Status)))
    assert (
        {run.id for run in store.open_runs("etl")}
        == {run.id for run in store.open_runs()}
        == {"queued", "running"}
    )
    assert [run.id for run in store.running("etl")] == ["running"]


def test_a_slot_cannot_have_two_rows(store: Store):
    put(store, a_run("r1"))
    with pytest.raises(StoreError):
        put(store, a_run("r2"))
    put(store, a_run("m1", scheduled_for=None), a_run("m2", scheduled_for=None))


def test_a_missed_slot_is_not_recorded_over_a_run(store: Store):
    put(store, a_run("r1"))
    missed = [a_run(f"m{n}", minute=n, status=Status.MISSED, started_at=None) for n in range(2)]
    assert store.add_missed(missed) == missed[1:]
    assert [run.id for run in store.runs()] == ["m1", "r1"]
    assert store.add_missed(missed) == []


def test_slots_of_a_job_are_found_by_their_minute(store: Store):
    put(store, *(a_run(f"r{n}", minute=n) for n in range(5)), a_run("again", minute=2, attempt=2))
    found = store.slots("etl", "load", NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
    assert {slot.minute: run.id for slot, run in found.items()} == {1: "r1", 2: "again"}


def test_the_attempts_of_a_run_are_found_from_each_of_them(store: Store):
    first = a_run("r1", status=Status.FAILED)
    put(
        store,
        first,
        *(a_run(f"t{n}", attempt=n, origin="r1", trigger=Trigger.RETRY, minute=n) for n in (3, 2)),
        a_run("again", minute=9, origin="r1", trigger=Trigger.MANUAL),
    )
    for id in ("r1", "t2", "t3"):
        assert [run.id for run in store.attempts(store.run(id))] == ["r1", "t2", "t3"]
    assert [run.id for run in store.attempts(store.run("again"))] == ["again"]


def test_attempts_and_results_are_found_by_an_index_made_for_them(sqlite_store: Store):
    store = sqlite_store
    put(store, a_run("r1", result={"rows": "1"}))
    with store.transaction() as tx:
        asked: list[tuple[str, Any]] = []
        listen(tx.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        runs.attempts(tx, a_run("r1"))
        runs.with_result(tx, "etl", "load", 5)
        runs.last_ended(tx, "etl", "load")
        runs.counts(tx, NOON)
        plans = [
            str(tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all()) for sql, given in asked[:4]
        ]
    assert "run_origin" in plans[0] and "run_id" in plans[0]
    assert "run_result_at" in plans[1] and "TEMP B-TREE" not in plans[1]
    assert "run_job_at" in plans[2] and "TEMP B-TREE" not in plans[2]
    assert "run_at" in plans[3]


def test_results_come_newest_first_and_only_where_there_are_any(store: Store):
    put(store, *(a_run(f"r{n}", minute=n, result={"rows": str(n)} if n % 2 else None) for n in range(8)))
    assert [run.id for run in store.results("etl", "load", 3)] == ["r7", "r5", "r3"]
    assert store.results("etl", "other", 3) == []


def test_runs_are_counted_by_job_and_status_from_a_time_on(store: Store):
    put(store, *(a_run(f"r{n}", minute=n) for n in range(4)), a_run("f", minute=9, status=Status.FAILED))
    assert store.counts(NOON + timedelta(minutes=2)) == {
        ("etl", "load", Status.SUCCEEDED): 2,
        ("etl", "load", Status.FAILED): 1,
    }


def test_every_run_of_a_slot_is_given(store: Store):
    put(store, a_run("r1", status=Status.FAILED), a_run("r2", occurrence=1))
    assert {slot: [run.id for run in found] for slot, found in _slots(store).items()} == {NOON: ["r1", "r2"]}


def _slots(store: Store) -> dict[datetime, list[Run]]:
    return store.runs_in_slots("etl", "load", NOON, NOON + timedelta(minutes=1))
