"""Which slots a history of schedules promises, and how it goes on when a crontab is loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.model.expected import Expectation, Meant, look, turn

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def an_expectation(times: str = "* * * * *", **fields: datetime) -> Expectation:
    return Expectation("etl", Meant("load", times, grace_s=60.0), "UTC", **{"since": NOON, **fields})


def minutes(*numbers: int) -> tuple[datetime, ...]:
    return tuple(NOON + number * MINUTE for number in numbers)


def test_a_slot_is_asked_for_when_its_grace_is_over():
    before = look(an_expectation(), UTC, NOON + timedelta(seconds=119), most=10)
    after = look(an_expectation(), UTC, NOON + timedelta(seconds=120), most=10)
    assert (before.slots, after.slots) == ((), minutes(1))
    assert before.due_at == NOON + timedelta(seconds=120)


def test_a_slot_at_the_very_moment_of_loading_is_not_promised():
    assert look(an_expectation(since=NOON), UTC, NOON + MINUTE, most=10).slots == ()


def test_a_schedule_that_ended_is_asked_for_what_was_before_and_then_no_more():
    ended = an_expectation(until=NOON + timedelta(minutes=3, seconds=2))
    seen = look(ended, UTC, NOON + timedelta(hours=1), most=10)
    assert seen.slots == minutes(1, 2)
    assert (seen.due_at, seen.after.is_done) == (None, True)


def test_a_schedule_that_ended_three_seconds_into_a_minute_owes_it():
    ended = an_expectation(until=NOON + timedelta(minutes=2, seconds=3))
    assert look(ended, UTC, NOON + timedelta(hours=1), most=10).slots == minutes(1, 2)


def test_an_hour_that_the_clock_skips_asks_for_the_minute_in_which_cron_makes_up_for_it():
    night = datetime(2026, 3, 29, tzinfo=UTC)
    found = look(an_expectation("0,30 2 * * *", since=night), BERLIN, night + timedelta(hours=5), most=10)
    assert found.slots == (night + timedelta(hours=1),)


def test_a_reboot_job_is_asked_for_no_slot():
    assert an_expectation("@reboot").due_at is None


@settings(deadline=None)
@given(st.integers(1, 7), st.lists(st.integers(0, 300), max_size=6), st.integers(0, 240) | st.none())
def test_looks_in_pieces_find_each_slot_once_whatever_the_pieces(
    most: int, steps: list[int], ends_after: int | None
):
    until = None if ends_after is None else NOON + timedelta(seconds=ends_after * 10)
    expectation = an_expectation("*/2 * * * *", **({"until": until} if until else {}))
    at, found = NOON, []
    for step in [*steps, 3600]:
        at += timedelta(seconds=step)
        while True:
            seen = look(expectation, UTC, at, most=most)
            found += seen.slots
            expectation = seen.after
            if not seen.more:
                break
    last = at - MINUTE if until is None else min(at - MINUTE, until - timedelta(seconds=3))
    assert found == [slot for n in range(1, 200) if (slot := NOON + 2 * n * MINUTE) <= last]


def test_a_turn_keeps_what_is_the_same_and_ends_and_begins_the_rest():
    same, gone = Meant("same", "1 * * * *", 60.0), Meant("gone", "2 * * * *", 60.0)
    moved, new = Meant("moved", "3 * * * *", 60.0), Meant("new", "4 * * * *", 60.0)
    present = {each.job: Expectation("etl", each, "UTC", NOON) for each in (same, gone, moved)}
    wanted = [Meant("same", "1 * * * *", 5.0), Meant("moved", "9 * * * *", 60.0), new]
    changed = turn("etl", present, wanted, zone="UTC", at=NOON + MINUTE)
    assert [(each.job, each.since, each.meant.grace_s) for each in changed.adjusted] == [("same", NOON, 5.0)]
    assert {(each.job, each.until) for each in changed.ended} == {
        ("gone", NOON + MINUTE),
        ("moved", NOON + MINUTE),
    }
    assert {(each.job, each.since) for each in changed.begun} == {
        ("new", NOON + MINUTE),
        ("moved", NOON + MINUTE),
    }


def test_another_zone_is_another_schedule():
    present = {"load": an_expectation()}
    changed = turn("etl", present, [present["load"].meant], zone="Europe/Berlin", at=NOON + MINUTE)
    assert (len(changed.ended), len(changed.begun), changed.adjusted) == (1, 1, ())
