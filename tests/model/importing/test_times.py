"""A schedule of another scheduler means the same as cron's time fields, or is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.model.fields import parse_schedule
from cronbox.model.importing.cronexpr import split_line, translate_cronexpr
from cronbox.model.importing.go_times import translate_go
from cronbox.model.importing.times import Untranslatable

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def go_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high).map(lambda n: f"/{n}") | st.just("")
    part = st.builds(str.__add__, st.sampled_from("*?") | span | number.map(str), step)
    return st.lists(part, min_size=1, max_size=3).map(",".join)


def go_days(text: str, low: int, high: int) -> tuple[set[int], bool]:
    """What `getField` of robfig/cron makes of it: the numbers, and whether its star bit is set."""
    chosen: set[int] = set()
    star = False
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = low if first in "*?" else int(first)
        end = high if first in "*?" else int(last) if last else high if step else begin
        chosen |= {n for n in range(low, high + 1) if begin <= n <= end and (n - begin) % int(step or 1) == 0}
        star = star or (first in "*?" and int(step or 1) == 1)
    return chosen, star


@given(st.tuples(*(go_field(low, high) for low, high in BOUNDS)))
@settings(deadline=None, max_examples=400)
def test_time_fields_of_go_select_the_same_minutes_in_cron(fields: tuple[str, ...]) -> None:
    [entry] = translate_go(" ".join(fields), seconds=True).entries
    read = parse_schedule(entry)
    sets = [go_days(text, low, high) for text, (low, high) in zip(fields, BOUNDS, strict=True)]
    cron = (read.minutes, read.hours, read.days, read.months, read.weekdays)
    assert [set(values) for values in cron] == [values for values, _ in sets]
    assert read.either_day == (not sets[2][1] and not sets[4][1])


@pytest.mark.parametrize(
    ("spec", "entries"),
    [
        ("@hourly", ("@hourly",)),
        ("0 0 1 * * *", ("0 1 * * *",)),
        ("0 1 * * MON-FRI", ("0 1 * * mon-fri",)),
        ("0 3 1/5 * ?", ("0 3 1-31/5 * *",)),
        ("0 3 */2 * 1", ("0 3 1-31/2 * 1",)),
        ("@every 1m", ("* * * * *",)),
        ("@every 15m", ("*/15 * * * *",)),
        ("@every 6h", ("0 */6 * * *",)),
        ("@every 24h0m0s", ("0 0 * * *",)),
        ("@every 168h", ("0 0 * * 0",)),
        ("@every 1h30m", ("0 0-21/3 * * *", "30 1-22/3 * * *")),
    ],
)
def test_what_cron_can_say_is_said(spec: str, entries: tuple[str, ...]) -> None:
    assert translate_go(spec, seconds=True).entries == entries


@pytest.mark.parametrize(
    "spec",
    [
        "*/10 * * * * *",
        "@every 10s",
        "@every 7m",
        "@every 25h",
        "@every 90s",
        "@every",
        "@reboot",
        "0 3 * * 7",
        "22-2 * * * *",
        "*/0 * * * *",
        "* * * *",
        "60 * * * *",
        "* * * * * * *",
        "",
        "1--2 * * * *",
        "@Daily",
    ],
)
def test_what_cron_cannot_say_is_refused_with_a_reason_and_advice(spec: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        translate_go(spec, seconds=True)
    assert refused.value.what and refused.value.todo


def test_kubernetes_takes_no_seconds() -> None:
    with pytest.raises(Untranslatable):
        translate_go("0 0 1 * * *", seconds=False)


def test_a_start_within_the_minute_is_told() -> None:
    assert "30 s" in translate_go("30 0 1 * * *", seconds=True).changes[0]


def test_a_zone_before_the_fields_is_kept_apart() -> None:
    times = translate_go("CRON_TZ=Europe/Berlin 0 3 * * *", seconds=True)
    assert (times.zone, times.entries) == ("Europe/Berlin", ("0 3 * * *",))


@pytest.mark.parametrize(
    ("line", "entry", "command"),
    [
        ("*/5 * * * * echo a", "*/5 * * * *", "echo a"),
        ("@daily x", "0 0 * * *", "x"),
        ("0 0 3 * * * * ls -l", "0 3 * * *", "ls -l"),
        ("0 3 * * * * x", "0 3 * * *", "x"),
        ("0 3 */2 * monday x", "0 3 1-31/2 * 1", "x"),
        ("5/10 * * * 7 x", "5-55/10 * * * 7", "x"),
        ("* * * * * 5 x", "* * * * *", "5 x"),
    ],
)
def test_supercronic_lines_are_split_and_translated_as_supercronic_reads_them(
    line: str, entry: str, command: str
) -> None:
    found = split_line(line)
    assert found is not None
    assert (translate_cronexpr(found.fields).entries, found.command) == ((entry,), command)


@pytest.mark.parametrize(
    "line",
    [
        "*/2 * * * * * * x",
        "0 3 * * * 2027 x",
        "0 3 L * * x",
        "0 3 15W * * x",
        "0 3 * * 5#2 x",
        "0 3 * * 5L x",
    ],
)
def test_what_only_supercronic_knows_is_refused_with_a_reason(line: str) -> None:
    found = split_line(line)
    assert found is not None
    with pytest.raises(Untranslatable):
        translate_cronexpr(found.fields)


@pytest.mark.parametrize(
    "line", ["61 * * * * x", "@reboot x", "@every 5m x", "* * * *", "0 3 5-2 * * x", "x"]
)
def test_what_supercronic_refuses_is_no_line_of_its(line: str) -> None:
    assert split_line(line) is None
