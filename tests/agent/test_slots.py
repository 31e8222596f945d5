"""Which minute a start by cron stands for. Times are Europe/Berlin's of 2026: the gap is 29 March, 02:00."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cronbox.agent.slots import Slots
from tests.agent.builders import a_schedule

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def box_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def test_a_start_in_a_minute_of_its_schedule_stands_for_that_minute() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    assert slots.take("load", a_schedule(minutes={15}), at("2026-11-23 10:15") + 1.8) == (
        at("2026-11-23 10:15"),
        0,
    )


def test_a_start_that_comes_a_minute_late_stands_for_the_minute_before() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    assert slots.take("load", a_schedule(minutes={15}), at("2026-11-23 10:16")) == (at("2026-11-23 10:15"), 0)


def test_two_starts_in_one_slot_are_told_apart() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    daily = a_schedule(minutes={0}, hours={10}, wildcard=False)
    taken = [slots.take("load", daily, at("2026-11-23 10:00") + second) for second in (1, 11)]
    assert [occurrence for _, occurrence in taken] == [0, 1]


def test_after_a_pause_of_minutes_every_missed_slot_is_named_oldest_first() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    slots.heard(at("2026-11-23 10:00") + 1)
    taken = []
    for second in (1, 11, 21):
        slots.heard(at("2026-11-23 10:03") + second)
        taken.append(slots.take("load", a_schedule(minutes=set(range(60))), at("2026-11-23 10:03") + second))
    assert taken == [(at(f"2026-11-23 10:0{minute}"), 0) for minute in (1, 2, 3)]


def test_after_a_pause_of_an_hour_a_wildcard_job_runs_for_the_present_minute() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    slots.heard(at("2026-11-23 10:00"))
    slots.heard(at("2026-11-23 11:00"))
    assert slots.take("load", a_schedule(minutes={0, 30}), at("2026-11-23 11:00"))[0] == at(
        "2026-11-23 11:00"
    )


def test_after_a_pause_of_an_hour_a_fixed_job_runs_for_its_missed_minutes() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    slots.heard(at("2026-11-23 09:59"))
    slots.heard(at("2026-11-23 11:00"))
    fixed = a_schedule(minutes={10, 40}, hours={10}, wildcard=False)
    taken = [slots.take("load", fixed, at("2026-11-23 11:00") + second)[0] for second in (1, 11)]
    assert taken == [at("2026-11-23 10:10"), at("2026-11-23 10:40")]


def test_when_cron_has_caught_up_slots_are_present_minutes_again() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    slots.heard(at("2026-11-23 10:00"))
    slots.heard(at("2026-11-23 10:03"))
    later = at("2026-11-23 10:05")
    for minute in (at("2026-11-23 10:04"), later):
        slots.heard(minute)
    assert slots.take("load", a_schedule(minutes=set(range(60))), later)[0] == later


def test_a_fixed_job_inside_the_spring_gap_stands_for_the_minute_it_starts_in() -> None:
    slots = Slots(at("2026-03-28 12:00"))
    fixed = a_schedule(minutes={30}, hours={2}, wildcard=False)
    assert slots.take("load", fixed, at("2026-03-29 03:00") + 1)[0] == at("2026-03-29 03:00")


def test_two_fixed_minutes_inside_the_gap_make_two_occurrences() -> None:
    slots = Slots(at("2026-03-28 12:00"))
    fixed = a_schedule(minutes={0, 30}, hours={2}, wildcard=False)
    taken = [slots.take("load", fixed, at("2026-03-29 03:00") + second) for second in (1, 11)]
    assert taken == [(at("2026-03-29 03:00"), 0), (at("2026-03-29 03:00"), 1)]


def test_the_repeated_hour_in_autumn_makes_two_slots_of_one_local_minute() -> None:
    slots = Slots(at("2026-10-24 12:00"))
    first = at("2026-10-25 02:30")
    hourly = a_schedule(minutes={30})
    assert [slots.take("load", hourly, moment) for moment in (first, first + 3600)] == [
        (first, 0),
        (first + 3600, 0),
    ]


def test_a_cron_that_was_started_again_owes_nothing_of_what_the_dead_one_left_out() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    each = a_schedule(minutes=set(range(60)))
    slots.heard(at("2026-11-23 10:00") + 1)
    slots.begins(at("2026-11-23 10:03") + 25)
    slots.heard(at("2026-11-23 10:04") + 1)
    assert slots.take("load", each, at("2026-11-23 10:04") + 1) == (at("2026-11-23 10:04"), 0)


def test_a_cron_that_was_started_again_catches_up_with_a_pause_of_its_own() -> None:
    slots = Slots(at("2026-11-23 00:00"))
    slots.heard(at("2026-11-23 10:00") + 1)
    slots.begins(at("2026-11-23 10:03") + 25)
    taken = []
    for second in (1, 11, 21):
        slots.heard(at("2026-11-23 10:06") + second)
        taken.append(
            slots.take("load", a_schedule(minutes=set(range(60))), at("2026-11-23 10:06") + second)[0]
        )
    assert taken == [at(f"2026-11-23 10:0{minute}") for minute in (4, 5, 6)]


def test_no_slot_lies_before_the_boxs_start() -> None:
    slots = Slots(at("2026-11-23 10:20"))
    assert slots.take("load", a_schedule(minutes={15}), at("2026-11-23 10:21"))[0] == at("2026-11-23 10:21")


@pytest.mark.parametrize(
    ("days", "weekdays", "days_starred", "matches"),
    [
        ({23}, {2}, False, True),  # Monday 23 November: neither starred, either will do
        ({24}, {1}, False, True),
        ({24}, {2}, False, False),
        (set(range(1, 32)), {2}, True, False),  # one starred, both are needed
        (set(range(1, 32)), {1}, True, True),
    ],
)
def test_days_and_weekdays_join_as_in_debians_cron(
    days: set[int], weekdays: set[int], days_starred: bool, matches: bool
) -> None:
    schedule = a_schedule(
        minutes={0}, days=days, weekdays=weekdays, days_starred=days_starred, weekdays_starred=False
    )
    assert schedule.matches(time.localtime(at("2026-11-23 10:00"))) is matches
