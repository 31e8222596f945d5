"""Schedules are due when cron starts them, also where the clock is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.fields import FieldError, parse_schedule
from cronbox.model.schedule import due_on, fires, never_fires, previous, starts

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
"""In Berlin the clock goes from 2:00 to 3:00 and from 3:00 to 2:00 at 1:00 UTC."""


def around(text: str, day: datetime, zone: ZoneInfo = BERLIN) -> list[str]:
    """UTC times of the starts from midnight to 3:00 UTC."""
    found = fires(parse_schedule(text), zone, day - timedelta(minutes=1))
    return [f"{at:%H:%M}" for at in found_until(found, day + timedelta(hours=3))]


def found_until(found: object, end: datetime) -> list[datetime]:
    times = []
    for at in found:  # type: ignore[attr-defined]
        if at >= end:
            break
        times.append(at)
    return times


@pytest.mark.parametrize(
    ("text", "spring", "autumn"),
    [
        ("30 2 * * *", ["01:00"], ["00:30"]),
        ("0,30 2 * * *", ["01:00", "01:00"], ["00:00", "00:30"]),
        ("5 3 * * *", ["01:05"], ["02:05"]),
        ("0 0-23 * * *", ["00:00", "01:00", "01:00", "02:00"], ["00:00", "02:00"]),
        ("*/20 2 * * *", [], ["00:00", "00:20", "00:40", "01:00", "01:20", "01:40"]),
        ("30 * * * *", ["00:30", "01:30", "02:30"], ["00:30", "01:30", "02:30"]),
        ("@hourly", ["00:00", "01:00", "02:00"], ["00:00", "01:00", "02:00"]),
        ("0 */2 * * *", ["02:00"], ["00:00", "01:00"]),
    ],
)
def test_summer_time_begins_and_ends_as_it_does_for_cron(
    text: str, spring: list[str], autumn: list[str]
) -> None:
    assert around(text, SPRING) == spring
    assert around(text, AUTUMN) == autumn


def test_half_an_hour_is_a_clock_change_too() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    begin = datetime(2026, 10, 3, 15, tzinfo=UTC)
    assert around("15 2 * * *", begin, zone) == ["15:30"]
    assert around("15-15 2 * * *", begin, zone) == ["15:30"]
    assert around("*/15 2 * * *", begin, zone) == ["15:30", "15:45"]


def test_a_day_that_a_zone_left_out_is_not_made_up_for() -> None:
    found = fires(parse_schedule("0 12 30 12 *"), ZoneInfo("Pacific/Apia"), datetime(2011, 12, 1, tzinfo=UTC))
    assert next(found).year == 2012


def test_starts_are_in_order_where_the_repeated_hour_spans_midnight() -> None:
    zone = ZoneInfo("America/St_Johns")
    found = starts(parse_schedule("*/30 * * * *"), zone, datetime(2006, 10, 28, tzinfo=UTC))
    times = [start.at for start in islice(found, 120)]
    assert times == sorted(times)


def test_after_and_before_are_not_included() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    schedule = parse_schedule("0 12 * * *")
    assert next(fires(schedule, ZoneInfo("UTC"), noon)) == noon + timedelta(days=1)
    assert next(previous(schedule, ZoneInfo("UTC"), noon)) == noon - timedelta(days=1)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "5-1 * * * *", "0 0 * * sat-sun"])
def test_what_never_fires_answers_at_once(text: str) -> None:
    assert never_fires(parse_schedule(text))
    assert list(fires(parse_schedule(text), BERLIN, SPRING)) == []
    assert list(previous(parse_schedule(text), BERLIN, SPRING)) == []


@pytest.mark.timeout(5)
def test_thousands_of_entries_that_never_fire_answer_at_once() -> None:
    texts = (
        f"{minute} {hour} 31 2,{month} *" for minute in range(60) for hour in range(24) for month in (4, 6)
    )
    assert all(next(fires(parse_schedule(text), BERLIN, SPRING), None) is None for text in texts)


@pytest.mark.parametrize("days", ["29", "30", "31", "29-31", "*", "1-29/28"])
@pytest.mark.parametrize("months", ["2", "4", "2,4", "1", "5-3"])
@pytest.mark.parametrize("weekdays", ["*", "1", "*/8", "5-1"])
def test_what_never_fires_has_no_day_in_the_whole_calendar(days: str, months: str, weekdays: str) -> None:
    schedule = parse_schedule(f"0 0 {days} {months} {weekdays}")
    first = date(2000, 1, 1)
    calendar = (first + timedelta(days=number) for number in range(146_097))
    assert never_fires(schedule) == (not any(due_on(schedule, day) for day in calendar))


def test_reboot_has_no_minute_and_is_not_said_never_to_fire() -> None:
    assert list(fires(parse_schedule("@reboot"), BERLIN, SPRING)) == []
    assert not never_fires(parse_schedule("@reboot"))


def test_the_rarest_day_there_is_is_found() -> None:
    sundays = fires(parse_schedule("0 0 29 2 */7"), ZoneInfo("UTC"), datetime(2090, 1, 1, tzinfo=UTC))
    assert next(sundays) == datetime(2128, 2, 29, tzinfo=UTC)


VALUES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))
    step = draw(st.integers(1, 12))
    return draw(
        st.sampled_from(["*", "*", str(first), f"{first}-{last}", f"{first}-{last}/{step}", f"*/{step}"])
    )


EXPRESSIONS = st.tuples(*(fields(low, high) for low, high in VALUES.values())).map(" ".join)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(EXPRESSIONS, ZONES.filter(lambda key: key != "Australia/Lord_Howe"), MOMENTS)
def test_cronsim_which_was_written_to_match_debian_agrees(text: str, key: str, after: datetime) -> None:
    """Where it has an answer: it refuses what never fires."""
    ours = list(islice(fires(parse_schedule(text), ZoneInfo(key), after), 30))
    if ours:
        theirs = [at.astimezone(UTC) for at in islice(CronSim(text, after.astimezone(ZoneInfo(key))), 30)]
        assert ours == theirs


def test_cronsim_differs_where_the_clock_goes_back_by_half_an_hour() -> None:
    """02:00 comes once on that day, half an hour after the second 01:30, and cron starts the job."""
    zone = ZoneInfo("Australia/Lord_Howe")
    after = datetime(2026, 4, 4, 14, 0, tzinfo=UTC)
    assert next(fires(parse_schedule("0 */2 * * *"), zone, after)) == datetime(2026, 4, 4, 15, 30, tzinfo=UTC)
    assert next(CronSim("0 */2 * * *", after.astimezone(zone))).astimezone(UTC).hour == 17


def test_cronsim_differs_in_a_weekday_range_of_one_value_with_a_step() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert next(CronSim("0 0 * * 3-3/1", start)).day == 2
    assert next(fires(parse_schedule("0 0 * * 3-3/1"), ZoneInfo("UTC"), start)).day == 7


@given(EXPRESSIONS, ZONES, MOMENTS)
def test_looking_back_finds_what_looking_ahead_found(text: str, key: str, after: datetime) -> None:
    schedule, zone = parse_schedule(text), ZoneInfo(key)
    ahead = list(islice(fires(schedule, zone, after), 20))
    if ahead:
        back = list(islice(previous(schedule, zone, ahead[-1] + timedelta(minutes=1)), 40))
        assert [at for at in reversed(back) if at > after][: len(ahead)] == ahead


@given(st.text(alphabet="0123456789*/,-@abcdefmonsujly ?#~\t\xff", max_size=30))
def test_any_text_is_a_schedule_or_a_field_error(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except FieldError as error:
        assert error.column >= 1
    else:
        assert parse_schedule(schedule.text).minutes == schedule.minutes
