"""What people read, and when they are left in peace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.alert import Kind
from cronbox.model.conditions import Condition
from cronbox.model.conditions import Kind as Seen
from cronbox.model.event import format_time
from cronbox.model.message import Message, about_capped, about_condition, about_run, digest_of, with_output
from cronbox.model.quiet import day_begin, next_day, parse_quiet
from cronbox.model.run import Run, Status, Trigger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def a_run(status: Status = Status.FAILED, **fields: object) -> Run:
    known = {"scheduled_for": NOON, "started_at": NOON.replace(second=1), "duration_s": 90.25, "exit_code": 3}
    return Run("r1", "etl", "load-orders", Trigger.CRON, status, **{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "fields", "title"),
    [
        (Kind.FAILED, {}, "etl/load-orders failed (exit code 3)"),
        (Kind.FAILED, {"exit_code": None, "signal": 9}, "etl/load-orders failed (signal 9)"),
        (Kind.FAILED, {"exit_code": None, "reason": "no user bob"}, "etl/load-orders failed (no user bob)"),
        (Kind.TIMED_OUT, {}, "etl/load-orders timed out"),
        (Kind.LOST, {"reason": "the box is gone"}, "etl/load-orders was lost (the box is gone)"),
        (Kind.MISSED, {"reason": "box down"}, "etl/load-orders was missed (box down)"),
        (Kind.RECOVERED, {"exit_code": 0}, "etl/load-orders recovered"),
        (Kind.SUCCESS, {"exit_code": 0}, "etl/load-orders succeeded"),
    ],
)
def test_the_title_says_what_happened_to_which_job(kind: Kind, fields: dict[str, object], title: str) -> None:
    assert about_run(kind, a_run(**fields)).title == title


def test_the_body_says_when_how_long_which_attempt_what_was_printed_and_how_to_look() -> None:
    message = with_output(about_run(Kind.FAILED, a_run(attempt=2), failures=4), ["one", "two\x1b[31m\udc80"])
    assert message.body == (
        "slot: 2026-03-01T12:00:00Z\nstarted: 2026-03-01T12:00:01Z\nduration: 1m30s250ms\nattempt: 2\n"
        "failures in a row: 4\nlook: cronbox show r1\n\nlast output:\n  one\n  two?[31m?"
    )


TEXTS = st.none() | st.text(st.characters(), max_size=600)


@given(
    reason=TEXTS,
    duration_s=st.none() | st.floats(-1e18, 1e18),
    exit_code=st.none() | st.integers(-(2**63), 2**63),
    kind=st.sampled_from(Kind),
    lines=st.lists(st.text(st.characters()), max_size=20),
)
def test_any_run_makes_a_message_that_every_database_and_service_takes(
    reason: str | None, duration_s: float | None, exit_code: int | None, kind: Kind, lines: list[str]
) -> None:
    run = a_run(reason=reason, duration_s=duration_s, exit_code=exit_code)
    message = with_output(about_run(kind, run), lines)
    assert "\n" not in message.title and len(message.title) < 400 and len(message.body) < 5_000
    assert "\0" not in (message.title + message.body).encode().decode()


@pytest.mark.parametrize(
    ("told", "seen", "title"),
    [
        (Kind.BOX_DOWN, Seen.BOX_DOWN, "etl is down"),
        (Kind.DEGRADED, Seen.NO_TICK, "etl is degraded (no_tick)"),
        (Kind.RECOVERED, Seen.NO_TICK, "etl recovered from no_tick"),
    ],
)
def test_a_condition_names_its_box_and_its_kind(told: Kind, seen: Seen, title: str) -> None:
    assert about_condition(told, Condition("etl", "", seen, NOON, "words")).title == title


def test_a_condition_says_since_when_and_what_to_do() -> None:
    begun = Condition("etl", "load", Seen.OVERRUN, NOON, "run 1 goes on")
    assert about_condition(Kind.SLOW, begun).body == (
        f"run 1 goes on\nsince: {format_time(NOON)}\nlook: cronbox runs etl/load"
    )


def test_the_end_of_a_condition_says_what_it_was_and_how_long() -> None:
    ended = Condition("etl", "", Seen.CRON_DEAD, NOON, "cron is dead in the box", NOON + timedelta(minutes=5))
    assert about_condition(Kind.RECOVERED, ended).body.splitlines() == [
        "it was: cron is dead in the box",
        f"since: {format_time(NOON)}",
        f"until: {format_time(NOON + timedelta(minutes=5))}",
        "look: cronbox doctor",
    ]


def test_a_digest_has_every_message_until_it_is_too_long() -> None:
    few = digest_of([Message("a", "1"), Message("b", "2"), Message("c", "3")])
    assert (few.title, few.body) == ("a; b; 1 more", "a\n1\n\nb\n2\n\nc\n3")
    many = digest_of([Message(f"t{n}", "x" * 1000) for n in range(100)])
    assert len(many.body) < 21_000 and "more: `cronbox notify log`" in many.body


def test_one_message_is_its_own_digest() -> None:
    assert digest_of([Message("a", "1")]) == Message("a", "1")


def test_what_was_kept_back_is_counted() -> None:
    assert about_capped(1).title.startswith("1 notification was")
    assert about_capped(7).title.startswith("7 notifications were")


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        ("22:00-07:00", "2026-03-01T20:59:59+00:00", None),
        ("22:00-07:00", "2026-03-01T21:00:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("22:00-07:00", "2026-03-02T05:59:59+00:00", "2026-03-02T06:00:00+00:00"),
        ("22:00-07:00", "2026-03-02T06:00:00+00:00", None),
        ("12:00-13:30", "2026-03-01T11:30:00+00:00", "2026-03-01T12:30:00+00:00"),
        ("12:00-13:30", "2026-03-01T12:30:00+00:00", None),
        ("22:00-07:00", "2026-03-28T22:00:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("22:00-07:00", "2026-10-24T22:00:00+00:00", "2026-10-25T06:00:00+00:00"),
        ("22:00-02:30", "2026-10-25T01:15:00+00:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_quiet_hours_end_by_the_clock_of_their_zone(hours: str, at: str, until: str | None) -> None:
    found = parse_quiet(hours, BERLIN).until(datetime.fromisoformat(at))
    assert found == (datetime.fromisoformat(until) if until else None)


@pytest.mark.parametrize(
    "text", ["22-7", "22:00", "24:00-07:00", "22:00-22:00", "22:60-07:00", "", "a:b-c:d"]
)
def test_quiet_hours_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quiet hours"):
        parse_quiet(text, BERLIN)


def test_a_day_is_that_of_the_zone() -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert day_begin(at, BERLIN) == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert next_day(at, BERLIN) == datetime(2026, 3, 2, 23, tzinfo=UTC)
