"""Which conditions are open by given facts, and what opens and closes between two sets of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.conditions import (
    BoxFacts,
    Condition,
    ConditionChange,
    JobFacts,
    Kind,
    difference,
    undecided,
    wanted,
)
from cronbox.model.expected import Meant
from cronbox.model.run import Run, Status, Trigger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR_AGO = NOON - timedelta(hours=1)
TEN_AGO = NOON - timedelta(minutes=10)
SOUND = BoxFacts(
    box="etl",
    now=NOON,
    wanted=True,
    present=True,
    running=True,
    paused=False,
    read=True,
    heard_at=NOON - timedelta(seconds=20),
    booted_at=HOUR_AGO,
    stopped_at=None,
    cron_alive=True,
    tick_at=NOON - timedelta(seconds=20),
    tick="d1",
    loaded="d1",
    loaded_at=HOUR_AGO,
    skew_s=0.1,
)
LOAD = Meant("load", "* * * * *", grace_s=60.0)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def kinds(facts: BoxFacts, *jobs: JobFacts) -> list[str]:
    return [condition.kind.value for condition in wanted(facts, jobs)]


def a_run(status: Status = Status.SUCCEEDED, *, slot: datetime = TEN_AGO, **fields: Any) -> Run:
    return Run("r1", "etl", "load", Trigger.CRON, status, scheduled_for=slot, **fields)


def test_a_sound_box_has_none():
    assert kinds(SOUND, JobFacts(LOAD, None)) == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"running": False, "present": False}, "box_down"),
        ({"running": False}, "box_down"),
        ({"running": False, "paused": True}, "box_down"),
        ({"read": False, "heard_at": ago(61)}, "ingest_lagging"),
        ({"cron_alive": False}, "cron_dead"),
        ({"tick_at": ago(91)}, "no_tick"),
        ({"tick_at": None, "tick": None}, "no_tick"),
        ({"tick": "d0"}, "crontab_not_loaded"),
        ({"skew_s": 5.1}, "clock_skew"),
        ({"skew_s": -5.1}, "clock_skew"),
    ],
)
def test_one_thing_that_is_wrong_with_a_box_has_its_name(facts: dict[str, Any], kind: str):
    assert kinds(replace(SOUND, **facts)) == [kind]


@pytest.mark.parametrize(
    "facts",
    [
        {"read": False, "heard_at": ago(59)},
        {"tick_at": ago(89)},
        {"tick": "d0", "loaded_at": ago(80)},
        {"tick_at": None, "tick": None, "booted_at": ago(60)},
        {"tick_at": ago(200), "cron_at": ago(60)},
        {"cron_alive": False, "booted_at": ago(5)},
        {"running": False, "stopped_at": ago(5)},
        {"loaded": None, "tick": None, "tick_at": None},
        {"skew_s": 4.9},
        {"skew_s": None},
    ],
)
def test_what_may_still_come_right_by_itself_is_left_alone(facts: dict[str, Any]):
    assert kinds(replace(SOUND, **facts)) == []


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (
            {"read": False},
            {"cron_dead", "no_tick", "crontab_not_loaded", "ingest_lagging", "overrun", "late"},
        ),
        ({"running": False}, {"cron_dead", "no_tick", "crontab_not_loaded"}),
        ({"running": False, "stopped_at": ago(5)}, {"box_down"}),
        ({"booted_at": ago(5)}, {"box_down", "cron_dead", "no_tick"}),
        ({"started_at": ago(5)}, {"box_down", "cron_dead", "no_tick"}),
        ({"cron_alive": False}, {"no_tick", "crontab_not_loaded"}),
        ({"tick_at": None, "tick": None, "booted_at": ago(60)}, {"no_tick", "crontab_not_loaded"}),
        ({"tick": "d0", "loaded_at": ago(80)}, {"crontab_not_loaded"}),
    ],
)
def test_what_the_facts_do_not_show_to_be_well_is_undecided(facts: dict[str, Any], kinds: set[str]):
    assert kinds <= undecided(replace(SOUND, **facts))


@pytest.mark.parametrize("facts", [{}, {"wanted": False, "running": False}])
def test_of_a_sound_box_and_of_one_that_was_put_down_nothing_is_undecided(facts: dict[str, Any]):
    assert undecided(replace(SOUND, **facts)) == frozenset()


def test_what_is_undecided_stays_open_and_opens_nothing():
    old = Condition("etl", "", Kind.NO_TICK, HOUR_AGO, "words")
    other = Condition("etl", "", Kind.CLOCK_SKEW, HOUR_AGO, "words")
    changed = difference({old.key: old, other.key: other}, [], now=NOON, undecided={Kind.NO_TICK, Kind.LATE})
    assert changed.changes == [ConditionChange(replace(other, until=NOON))]


def test_a_box_whose_clock_is_known_to_be_ahead_is_judged_by_its_own_time():
    hour = timedelta(hours=1)
    facts = replace(SOUND, skew_s=3600.0, booted_at=NOON + hour - timedelta(minutes=5), loaded_at=HOUR_AGO)
    assert kinds(replace(facts, tick_at=NOON + hour - timedelta(seconds=20))) == ["clock_skew"]
    assert kinds(replace(facts, tick_at=NOON + hour - timedelta(seconds=91))) == ["no_tick", "clock_skew"]


def test_of_a_log_that_could_not_be_read_no_run_is_judged():
    running = a_run(Status.RUNNING, started_at=ago(900))
    facts = JobFacts(replace(LOAD, max_runtime_s=300.0), None, (running,))
    assert kinds(replace(SOUND, read=False), facts) == []


@pytest.mark.parametrize(("seconds", "opens"), [(60, False), (61, True)])
def test_a_slot_that_waits_beyond_its_grace_is_late_before_it_starts(seconds: float, opens: bool):
    run = a_run(Status.QUEUED, slot=ago(seconds), queued_at=ago(seconds - 1), reason="max_running=1")
    [*found] = wanted(SOUND, [JobFacts(LOAD, None, waiting=(run,))])
    assert [each.kind for each in found] == ([Kind.LATE] if opens else [])
    assert not opens or found[0].text.endswith("waits for its turn: max_running=1")


def test_of_a_box_that_was_put_down_nothing_is_wrong():
    facts = replace(SOUND, wanted=False, running=False, present=False, skew_s=99.0)
    assert kinds(facts, JobFacts(LOAD, a_run(Status.MISSED))) == []


def test_a_missed_newest_slot_is_a_condition_since_that_slot():
    [found] = wanted(SOUND, [JobFacts(LOAD, a_run(Status.MISSED, reason="cron was dead"))])
    assert (found.kind, found.since, found.job) == (Kind.MISSED, ago(600), "load")
    assert "2026-03-01T11:50:00Z" in found.text and "cron was dead" in found.text


@pytest.mark.parametrize(
    ("late_s", "delay_s", "opens"), [(60, 0, False), (61, 0, True), (61, 5, False), (66, 5, True)]
)
def test_a_start_later_than_grace_and_jitter_is_late(late_s: float, delay_s: float, opens: bool):
    run = a_run(started_at=ago(600 - late_s))
    assert kinds(SOUND, JobFacts(replace(LOAD, delay_s=delay_s), run)) == (["late"] if opens else [])


def test_a_slot_that_was_caught_up_with_is_not_late():
    run = replace(a_run(started_at=ago(10)), trigger=Trigger.CATCHUP)
    assert kinds(SOUND, JobFacts(LOAD, run)) == []


@pytest.mark.parametrize(("seconds", "opens"), [(299, False), (301, True)])
def test_a_run_beyond_its_max_runtime_overruns(seconds: float, opens: bool):
    running = a_run(Status.RUNNING, started_at=ago(seconds))
    facts = JobFacts(replace(LOAD, max_runtime_s=300.0), None, (running,))
    assert kinds(SOUND, facts) == (["overrun"] if opens else [])


@pytest.mark.parametrize(
    ("typical_s", "seconds", "opens"),
    [(1, 61, False), (1, 62, True), (240, 719, False), (240, 721, True), (None, 9999, False)],
)
def test_a_run_is_unusually_long_beyond_three_times_the_usual_and_a_minute(
    typical_s: float | None, seconds: float, opens: bool
):
    running = a_run(Status.RUNNING, started_at=ago(seconds))
    assert kinds(SOUND, JobFacts(LOAD, None, (running,), typical_s)) == (["unusually_long"] if opens else [])


CONDITIONS = st.lists(
    st.builds(
        Condition,
        box=st.just("etl"),
        job=st.sampled_from(["", "load", "report"]),
        kind=st.sampled_from(Kind),
        since=st.sampled_from([HOUR_AGO, NOON]),
        text=st.sampled_from(["a", "b"]),
    ),
    unique_by=lambda condition: condition.key,
)


@given(CONDITIONS, CONDITIONS)
def test_a_difference_leads_from_the_one_to_the_other_and_then_there_is_none(
    before: list[Condition], after: list[Condition]
):
    present = {condition.key: condition for condition in before}
    changed = difference(present, after, now=NOON)
    for closed in changed.closed:
        assert closed.until is not None and closed.until >= closed.since
        del present[closed.key]
    present |= {condition.key: condition for condition in (*changed.opened, *changed.retold)}
    assert {(key, each.text) for key, each in present.items()} == {(each.key, each.text) for each in after}
    assert not difference(present, after, now=NOON)
    assert [change.opened for change in changed.changes] == [True] * len(changed.opened) + [False] * len(
        changed.closed
    )


def test_a_condition_that_stays_keeps_when_it_began():
    old = Condition("etl", "load", Kind.MISSED, HOUR_AGO, "first")
    changed = difference({old.key: old}, [replace(old, since=NOON, text="second")], now=NOON)
    assert changed.retold == (replace(old, text="second"),)
    assert changed.changes == []
