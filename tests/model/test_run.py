"""The states of a run: one table, and what each event makes of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.errors import ImpossibleTransition
from cronbox.model.event import Event
from cronbox.model.run import ENDS, TRANSITIONS, Run, Status, Trigger, apply, lost, moved

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLOT = "2026-03-01T12:00:00Z"


def an_event(type: str, *, at: datetime = NOON, **data: Any) -> Event:
    return Event(1, at, type, {"run": "r1", **data})


def started(**data: Any) -> Event:
    return an_event("started", **{"job": "load", "trigger": "cron", "scheduled_for": SLOT, **data})


def finished(**data: Any) -> Event:
    return an_event(
        "finished", at=NOON + timedelta(seconds=5), **{"status": "succeeded", "exit_code": 0, **data}
    )


def after(run: Run | None, event: Event) -> Run:
    return apply(run, event, box="etl", release=7, boot_id="b1")


def a_run(status: Status, **fields: Any) -> Run:
    return Run("r1", "etl", "load", Trigger.CRON, status, **{"scheduled_for": NOON, **fields})


def test_a_start_and_an_end_make_a_whole_run():
    run = after(
        after(None, started(attempt=1)), finished(duration_s=5, cpu_s=0.5, max_rss_bytes=1, output_bytes=2)
    )
    assert run == Run(
        id="r1",
        box="etl",
        job="load",
        trigger=Trigger.CRON,
        status=Status.SUCCEEDED,
        scheduled_for=NOON,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=5),
        duration_s=5.0,
        exit_code=0,
        cpu_s=0.5,
        max_rss_bytes=1,
        output_bytes=2,
        release=7,
        boot_id="b1",
    )


def test_a_queued_run_keeps_its_slot_when_it_starts():
    queued = after(None, an_event("queued", job="load", trigger="cron", scheduled_for=SLOT, occurrence=1))
    run = after(queued, started(scheduled_for=None, occurrence=0))
    assert (run.status, run.scheduled_for, run.occurrence, run.queued_at) == (Status.RUNNING, NOON, 1, NOON)


def test_a_run_keeps_the_job_and_the_trigger_it_was_queued_with():
    queued = after(None, an_event("queued", job="load", trigger="manual"))
    assert after(queued, started()).trigger is Trigger.MANUAL
    with pytest.raises(ImpossibleTransition):
        after(queued, started(job="tidy"))


def test_a_late_end_replaces_lost():
    given_up = lost(after(None, started()), at=NOON, reason="the box is gone")
    run = after(given_up, finished(status="failed", exit_code=3))
    assert (run.status, run.reason, run.exit_code) == (Status.FAILED, None, 3)


def test_a_run_that_was_lost_while_it_waited_may_turn_out_to_have_started():
    queued = after(None, an_event("queued", job="load", trigger="cron"))
    run = after(lost(queued, at=NOON, reason="gone"), started())
    assert (run.status, run.reason, run.finished_at) == (Status.RUNNING, None, None)


def test_a_run_that_waits_on_after_a_restart_has_waited_since_it_was_queued():
    queued = after(None, an_event("queued", job="load", trigger="manual", args=["x"], origin="r0"))
    again = an_event("queued", at=NOON + timedelta(hours=1), job="load", trigger="manual", reason="waits on")
    run = after(lost(queued, at=NOON + timedelta(minutes=1), reason="gone"), again)
    assert (run.status, run.reason, run.finished_at) == (Status.QUEUED, "waits on", None)
    assert (run.queued_at, run.at, run.args, run.origin) == (NOON, NOON, ("x",), "r0")


def test_a_run_that_started_can_neither_start_nor_wait_again():
    running = after(None, started())
    for run in (running, lost(running, at=NOON, reason="gone")):
        for event in (started(), an_event("queued", job="load", trigger="cron")):
            with pytest.raises(ImpossibleTransition):
                after(run, event)


def test_a_run_keeps_what_it_was_given_and_what_its_job_said_of_itself():
    given = {"origin": "r0", "env": {"DAY": "2026-03-01"}, "args": ["--full", "\udc80"]}
    run = after(after(None, started(**given)), finished(result={"rows": "5"}))
    shown = run.as_json()
    assert {key: shown[key] for key in given} == given
    assert shown["result"] == {"rows": "5"}


def test_later_attempts_are_known_by_the_first_and_a_run_that_was_run_again_is_not():
    later = after(None, started(run="r2", origin="r1", attempt=2))
    again = after(None, started(run="r3", origin="r1", attempt=1))
    assert (later.first_attempt, again.first_attempt) == ("r1", "r3")


def test_a_lost_run_ends_no_earlier_than_it_began():
    run = lost(after(None, started()), at=NOON - timedelta(hours=1), reason="gone")
    assert run.finished_at == NOON


@pytest.mark.parametrize("status", [s for s in Status if s in ENDS or s is Status.SKIPPED])
def test_an_end_is_final(status: Status):
    for event in (started(), finished(), an_event("skipped", job="load", trigger="cron")):
        with pytest.raises(ImpossibleTransition):
            after(a_run(status), event)


def test_nothing_ends_that_never_began():
    with pytest.raises(ImpossibleTransition):
        after(None, finished())


def test_every_status_has_its_row_in_the_table():
    assert set(TRANSITIONS) == {None, *Status}


@given(st.sampled_from([None, *Status]), st.sampled_from(list(Status)))
def test_a_transition_is_allowed_exactly_where_the_table_has_it(at: Status | None, to: Status):
    run = a_run(at) if at else None
    if to in TRANSITIONS[at]:
        assert moved(run, to) is to
    else:
        with pytest.raises(ImpossibleTransition):
            moved(run, to)


@pytest.mark.parametrize(
    "event",
    [
        started(job=None),
        started(job=""),
        started(job="x" * 201),
        started(job="a\0b"),
        started(job="\udc80"),
        started(run=7),
        started(trigger="moon"),
        started(trigger=None),
        started(scheduled_for="soon"),
        started(scheduled_for="2026-03-01T12:00:00"),
        started(scheduled_for=5),
        started(occurrence="1"),
        started(attempt=2**63),
        started(reason=[]),
        started(origin=7),
        started(env=["A"]),
        started(env={"A": 1}),
        started(env={"A": "x" * 2**20}),
        started(args="all"),
        started(args=[1]),
    ],
)
def test_a_start_with_a_senseless_field_is_refused(event: Event):
    with pytest.raises(ValueError):
        after(None, event)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": None},
        {"status": []},
        {"exit_code": 10**400},
        {"exit_code": True},
        {"cpu_s": float("nan")},
        {"cpu_s": float("inf")},
        {"duration_s": 10**400},
        {"max_rss_bytes": 1.5},
        {"result": ["rows"]},
        {"result": {"rows": 5}},
        {"result": {"no name": "5"}},
        {"result": {"rows": "x" * 1001}},
        {"result": {f"k{n}": "" for n in range(65)}},
    ],
)
def test_an_end_with_a_senseless_field_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValueError):
        after(after(None, started()), finished(**fields))


@pytest.mark.parametrize("status", ["running", "lost", "skipped"])
def test_only_an_end_can_be_finished_with(status: str):
    with pytest.raises(ImpossibleTransition):
        after(after(None, started()), finished(status=status))


def test_a_reason_is_cut_and_made_storable():
    run = after(after(None, started()), finished(reason="\udc80\0" + "x" * 1000))
    assert run.reason is not None
    assert run.reason.startswith("??x") and len(run.reason) == 500


def test_a_run_in_json_has_exactly_the_documented_fields():
    keys = (
        "id box job trigger status reason scheduled_for queued_at started_at finished_at duration_s attempt "
        "exit_code signal cpu_s max_rss_bytes output_bytes dropped_bytes release origin env args result"
    )
    shown = after(None, started()).as_json()
    assert list(shown) == keys.split()
    assert (shown["status"], shown["scheduled_for"], shown["finished_at"]) == ("running", SLOT, None)
