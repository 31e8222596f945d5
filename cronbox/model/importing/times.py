"""Schedules of other schedulers, as time fields that Debian's cron understands in the same way.

A schedule is read into sets of values by its own scheduler's rules and written as five fields; our own
parser, which knows Debian's rules, has to read the same sets back.
"""

from __future__ import annotations

from dataclasses import dataclass

from cronbox.errors import CronboxError
from cronbox.model.fields import OddityKind, Schedule, parse_schedule, read_schedule


class Untranslatable(Exception):
    """cron has no time fields for this schedule. `todo` says what a person can do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


@dataclass(frozen=True, slots=True)
class Times:
    """Time fields for one or more entries that together are the schedule."""

    entries: tuple[str, ...]
    zone: str | None = None
    changes: tuple[str, ...] = ()
    """How it differs from the source."""


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What one field may hold in another scheduler."""

    name: str
    low: int
    high: int
    names: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the other scheduler reads it. `starred` fields select nothing by themselves."""

    text: str
    values: frozenset[int]
    starred: bool


MINUTE = FieldRules("minute", 0, 59)
HOUR = FieldRules("hour", 0, 23)
DAY = FieldRules("day-of-month", 1, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTH = FieldRules("month", 1, 12, tuple((name, n) for n, name in enumerate(_MONTHS, 1)))
WEEKDAY = FieldRules("day-of-week", 0, 6, tuple((name, n) for n, name in enumerate(_WEEKDAYS)))
SECOND = FieldRules("second", 0, 59)
FIVE = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

NO_SECONDS = "it starts more than once a minute, and a minute is cron's finest step"
LOOP = "let one job a minute do it in a loop, or run it as a service of its own"


def five_fields(fields: tuple[Field, ...]) -> str:
    """Time fields with the meaning of these five, where one of two restricted days is enough.

    Raises Untranslatable.
    """
    day, weekday = fields[2], fields[4]
    may_star = (True, True, weekday.starred, True, day.starred)
    text = " ".join(map(_field_text, fields, FIVE, may_star))
    if not _means(text, fields):
        raise Untranslatable("cron has no time fields for it", "split it into several entries")
    return text


def _field_text(field: Field, rules: FieldRules, may_star: bool) -> str:
    """As it was written where cron reads the same, else written out.

    A day that begins with `*` is no restriction to cron, even where it has a step (`cron.c:345`).
    """
    if field.starred:
        return "*"
    text = field.text.lower()
    if (may_star or not text.startswith("*")) and _read(rules, text) == field.values:
        return text
    return written_out(field.values)


def _read(rules: FieldRules, text: str) -> frozenset[int] | None:
    """What cron reads in this field, or None where it refuses it or finds it odd."""
    index = FIVE.index(rules)
    try:
        reading = read_schedule(" ".join(["*"] * index + [text] + ["*"] * (4 - index)))
    except CronboxError:
        return None
    serious = [oddity for oddity in reading.oddities if oddity.kind not in HARMLESS]
    return None if serious else _sets(reading.schedule)[index]


HARMLESS = (OddityKind.STEP_UNEVEN, OddityKind.STEP_TOO_LARGE)


def _sets(schedule: Schedule) -> tuple[frozenset[int], ...]:
    return (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)


def _means(text: str, fields: tuple[Field, ...]) -> bool:
    try:
        schedule = parse_schedule(text)
    except CronboxError:
        return False
    either = not (fields[2].starred or fields[4].starred)
    return _sets(schedule) == tuple(field.values for field in fields) and schedule.either_day == either


def written_out(values: frozenset[int]) -> str:
    """`1-5,9` for a set of numbers, or `0-50/10` where they are evenly apart."""
    ordered = sorted(values)
    if len(ordered) > 2:
        step = ordered[1] - ordered[0]
        if step > 1 and ordered == list(range(ordered[0], ordered[-1] + 1, step)):
            return f"{ordered[0]}-{ordered[-1]}/{step}"
    return ",".join(_runs(ordered))


def _runs(ordered: list[int]) -> list[str]:
    runs: list[list[int]] = []
    for value in ordered:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
