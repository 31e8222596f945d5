from __future__ import annotations

from datetime import UTC, datetime

from cronbox.model.ical import LONGEST_LINE, CalendarEvent, calendar

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AT = datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_start_is_an_event_in_utc_with_its_text_escaped() -> None:
    text = calendar([CalendarEvent(AT, "etl/load", "a;b,c\\d\ne")], now=NOW)
    assert "\r\nDTSTART:20260329T010000Z\r\n" in text
    assert "\r\nSUMMARY:etl/load\r\n" in text
    assert "\r\nDESCRIPTION:a\\;b\\,c\\\\d\\ne\r\n" in text
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")


def test_two_starts_in_one_minute_have_two_uids_that_stay_the_same() -> None:
    events = [CalendarEvent(AT, "etl/load")] * 2
    uids = [line for line in calendar(events, now=NOW).splitlines() if line.startswith("UID:")]
    assert len(set(uids)) == 2
    assert uids == [line for line in calendar(events, now=AT).splitlines() if line.startswith("UID:")]


def test_long_lines_are_folded_between_characters() -> None:
    name = "größe-" * 40
    text = calendar([CalendarEvent(AT, name)], now=NOW)
    assert max(len(line.encode()) for line in text.split("\r\n")) <= LONGEST_LINE
    assert f"SUMMARY:{name}\r\n" in text.replace("\r\n ", "")
