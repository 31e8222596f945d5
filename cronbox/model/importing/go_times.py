"""Schedules of Go's robfig/cron v3, which ofelia and Kubernetes use.

Source: `parser.go`, `spec.go` and `constantdelay.go` of github.com/robfig/cron at v3.0.1. ofelia takes five
fields or six with seconds first, and Kubernetes five; both take `@hourly` and its like, and `@every 1h30m`.
"""

from __future__ import annotations

import re

from cronbox.model.importing.times import (
    FIVE,
    LOOP,
    NO_SECONDS,
    SECOND,
    Field,
    FieldRules,
    Times,
    Untranslatable,
    five_fields,
    written_out,
)

_KEYWORDS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_ZONED = re.compile(r"(?:CRON_)?TZ=(\S*)\s+(.*)", re.DOTALL)
_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)
_DURATION = re.compile(r"\+?((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DAY_MINUTES = 1440
MOST_ENTRIES = 4
"""An interval that needs more entries than this is better told than written."""
_REFUSED = "its own scheduler refuses it, so the job was not running; write time fields for it"


def translate_go(spec: str, *, seconds: bool) -> Times:
    """The schedule as cron's time fields; `seconds` allows a sixth field in front. Raises Untranslatable."""
    zoned = _ZONED.fullmatch(spec)
    zone, spec = (zoned[1], zoned[2].strip()) if zoned else (None, spec.strip())
    if spec in _KEYWORDS:
        return Times((spec,), zone)
    if spec.startswith("@every "):
        return _every(spec.removeprefix("@every ").strip())
    fields = spec.split()
    if len(fields) == 6 and seconds:
        second = _field(fields[0], SECOND)
        if len(second.values) > 1:
            raise Untranslatable(NO_SECONDS, LOOP)
        changes = _second(min(second.values))
        fields = fields[1:]
    else:
        changes = ()
    if len(fields) != 5:
        raise Untranslatable(f"{spec!r} is no schedule of five fields", _REFUSED)
    return Times((five_fields(tuple(map(_field, fields, FIVE))),), zone, changes)


def _second(second: int) -> tuple[str, ...]:
    return (
        (f"it started {second} s into the minute, and cron starts it at the minute's beginning",)
        if second
        else ()
    )


def _field(text: str, rules: FieldRules) -> Field:
    """`getField`: the union of what stands between the commas."""
    values: set[int] = set()
    starred = False
    for part in filter(None, text.split(",")):
        found, star = _range(part, rules)
        values.update(found)
        starred = starred or star
    if not values:
        raise Untranslatable(f"{rules.name}: {text!r} selects nothing", _REFUSED)
    plain = "*" if starred else text.replace("?", "*")
    return Field(plain, frozenset(values), starred)


def _range(text: str, rules: FieldRules) -> tuple[range, bool]:
    """`getRange`: a number, two with a hyphen, or a star, each with a step or not."""
    span, *steps = text.split("/")
    low, *high = span.split("-")
    if len(steps) > 1 or len(high) > 1:
        raise Untranslatable(f"{rules.name}: {text!r} is no range", _REFUSED)
    step = _number(steps[0], ()) if steps else 1
    starred = low in ("*", "?")
    if starred:
        first, last = rules.low, rules.high
    else:
        first = _number(low, rules.names)
        last = _number(high[0], rules.names) if high else rules.high if steps else first
    if not rules.low <= first <= last <= rules.high or step == 0:
        raise Untranslatable(f"{rules.name}: {text!r} is outside {rules.low}-{rules.high}", _REFUSED)
    return range(first, last + 1, step), starred and step == 1


def _number(text: str, names: tuple[tuple[str, int], ...]) -> int:
    known = dict(names)
    if text.lower() in known:
        return known[text.lower()]
    if not _NUMBER.fullmatch(text) or len(text) > 9:
        raise Untranslatable(f"{text!r} is not a number", _REFUSED)
    return int(text)


# ------------------------------------------------------------------------------------------ intervals


def _every(text: str) -> Times:
    """`@every` counts from the scheduler's start; cron counts from midnight."""
    if not _DURATION.fullmatch(text):
        raise Untranslatable(f"{text!r} is not a duration", _REFUSED)
    span = int(sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text)))
    if span < 60:
        raise Untranslatable(NO_SECONDS, LOOP)
    minutes, odd = divmod(span, 60)
    if minutes == 7 * DAY_MINUTES and not odd:
        return Times(
            ("0 0 * * 0",), changes=("it is counted from Sunday's midnight, not from the last start",)
        )
    if odd or DAY_MINUTES % minutes:
        raise Untranslatable(
            f"every {text} is not the same time each day", "choose a span that divides a day, or time fields"
        )
    entries = _entries(minutes)
    if len(entries) > MOST_ENTRIES:
        raise Untranslatable(
            f"every {text} needs {len(entries)} entries of a crontab",
            "choose a span that divides an hour or a day",
        )
    more = (
        () if len(entries) == 1 else (f"it takes {len(entries)} entries, which do not wait for each other",)
    )
    return Times(entries, changes=("it is counted from midnight, not from the scheduler's start", *more))


def _entries(minutes: int) -> tuple[str, ...]:
    """Time fields for each minute of the hour in which a start falls."""
    if minutes < 60 and 60 % minutes == 0:
        return ("* * * * *" if minutes == 1 else f"*/{minutes} * * * *",)
    if minutes % 60 == 0:
        hours = minutes // 60
        return ("0 * * * *" if hours == 1 else "0 0 * * *" if hours == 24 else f"0 */{hours} * * *",)
    return tuple(_by_hours(minutes))


def _by_hours(minutes: int) -> list[str]:
    hours: dict[frozenset[int], set[int]] = {}
    of_minute: dict[int, set[int]] = {}
    for start in range(0, DAY_MINUTES, minutes):
        of_minute.setdefault(start % 60, set()).add(start // 60)
    for minute, starts in of_minute.items():
        hours.setdefault(frozenset(starts), set()).add(minute)
    return [f"{written_out(frozenset(of))} {written_out(at)} * * *" for at, of in hours.items()]
