"""Schedules of supercronic: five fields, a year behind them or not, and then seconds in front or not.

Source: `cronexpr/cronexpr_parse.go` and `crontab/crontab.go` of github.com/aptible/supercronic at v0.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cronbox.model.importing.times import (
    FIVE,
    LOOP,
    MONTH,
    NO_SECONDS,
    SECOND,
    WEEKDAY,
    Field,
    FieldRules,
    Times,
    Untranslatable,
    five_fields,
)

KEYWORDS = {
    "@yearly": "0 0 0 1 1 * *",
    "@annually": "0 0 0 1 1 * *",
    "@monthly": "0 0 0 1 * * *",
    "@weekly": "0 0 0 * * 0 *",
    "@daily": "0 0 0 * * * *",
    "@hourly": "0 0 * * * * *",
}
YEAR = FieldRules("year", 1970, 2099)
COUNTS = (7, 6, 5, 1)
"""supercronic tries so many words as a schedule, in this order; the rest of the line is the command."""
_WORD = re.compile(r"\S+")
_STEP_LIMIT = 59
"""A step is looked up among the numbers that a field may hold."""
_FULL = {
    **{name: n for n, name in enumerate(("january", "february", "march", "april", "may", "june", "july"), 1)},
    **{name: n for n, name in enumerate(("august", "september", "october", "november", "december"), 8)},
}
_FULL_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SPECIAL = {
    "day-of-month": re.compile(r"l|lw|[0-9]{1,2}w"),
    "day-of-week": re.compile(r"(?:[a-z]+|0?[0-7])(?:l|#[1-5])"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of supercronic's: the words of its schedule, and its command."""

    fields: tuple[str, ...]
    command: str


class _NoSchedule(Exception):
    """supercronic does not read these words as a schedule."""


def split_line(line: str) -> Line | None:
    """The schedule and the command, as supercronic finds them; None where it refuses the line."""
    words = list(_WORD.finditer(line))
    for count in COUNTS:
        if len(words) <= count:
            continue
        fields = tuple(word[0] for word in words[:count])
        if count == 1:
            fields = tuple(KEYWORDS.get(fields[0], "").split())
        try:
            _read(fields)
        except _NoSchedule:
            continue
        except Untranslatable:
            pass
        return Line(fields, line[words[count].start() :])
    return None


def translate_cronexpr(fields: tuple[str, ...]) -> Times:
    """The schedule that `split_line` has found, as cron's time fields. Raises Untranslatable."""
    second, five, year = _read(fields)
    if not year.starred:
        raise Untranslatable(
            f"only in the years {year.text}, and cron knows no years",
            "let the command test the year: `[ $(date +\\%Y) = … ] &&`, or write it without",
        )
    if len(second.values) > 1:
        raise Untranslatable(NO_SECONDS, LOOP)
    late = min(second.values)
    changes = (
        (f"it started {late} s into the minute, and cron starts it at the minute's beginning",)
        if late
        else ()
    )
    return Times((five_fields(five),), changes=changes)


def _read(fields: tuple[str, ...]) -> tuple[Field, tuple[Field, ...], Field]:
    """Second, the five, year. Raises _NoSchedule, or Untranslatable for days that only supercronic knows."""
    if len(fields) not in (5, 6, 7):
        raise _NoSchedule
    second = fields[0] if len(fields) == 7 else "0"
    middle = fields[1:6] if len(fields) == 7 else fields[:5]
    year = fields[-1] if len(fields) > 5 else "*"
    special = None
    five = []
    for text, rules in zip(middle, FIVE, strict=True):
        try:
            five.append(_field(text, rules))
        except Untranslatable as found:
            special = found
    outer = _field(second, SECOND), _field(year, YEAR)
    if special:
        raise special
    return outer[0], tuple(five), outer[1]


def _field(text: str, rules: FieldRules) -> Field:
    parts = [part for part in text.lower().split(",") if part]
    if not parts:
        raise _NoSchedule
    special = None
    values: set[int] = set()
    for part in parts:
        if rules.name in _SPECIAL and _SPECIAL[rules.name].fullmatch(part):
            special = part
        else:
            values |= set(_range(part, rules))
    if special:
        raise Untranslatable(
            f"{rules.name}: cron has no {special!r}",
            "run it on every day it could be, and let the command test the date",
        )
    starred = bool({"*", "?"} & set(parts))
    return Field("*" if starred else text, frozenset(values), starred)


def _range(text: str, rules: FieldRules) -> range:
    span, slash, steps = text.partition("/")
    low, hyphen, high = span.partition("-")
    if span == "*" or (span == "?" and not slash):
        first, last = rules.low, rules.high
    else:
        first = _value(low, rules)
        last = _value(high, rules) if hyphen else rules.high if slash else first
    step = int(steps) if re.fullmatch(r"[0-9]{1,2}", steps, re.ASCII) else 0 if slash else 1
    if last < first or not 1 <= step <= (min(rules.high, _STEP_LIMIT) if slash else 1):
        raise _NoSchedule
    return range(first, last + 1, step)


def _value(text: str, rules: FieldRules) -> int:
    names = dict(rules.names)
    if rules is MONTH:
        names |= _FULL
    if rules is WEEKDAY:
        names |= {name: n for n, name in enumerate(_FULL_DAYS)} | {"7": 0, "07": 0}
    if text in names:
        return names[text]
    widest = 4 if rules is YEAR else 2
    if not re.fullmatch(rf"[0-9]{{1,{widest}}}", text, re.ASCII) or not rules.low <= int(text) <= rules.high:
        raise _NoSchedule
    return int(text)
