"""Rules about when an entry is due.

They depend on its time fields and the box's zone alone, so entries with the same fields share one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from cronbox.model.crontab import Entry
from cronbox.model.fields import FieldName, Oddity, OddityKind, Schedule, read_schedule
from cronbox.model.lint.context import Context, Finding
from cronbox.model.schedule import never_fires

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

RULE_YEAR = 2037
"""The year whose clock changes stand for all: the last one that every zone file spells out."""
_ALL_MINUTES, _ALL_HOURS = frozenset(range(60)), frozenset(range(24))

_ODD = {
    OddityKind.JUNK: ("CB301", "cron skips {text!r} at the end of the {field} field", "remove it"),
    OddityKind.REVERSED: (
        "CB302",
        "the range {text} selects nothing",
        "cron does not wrap around: write two ranges",
    ),
    OddityKind.OVERFLOW: ("CB303", "{text:.24} is no number for a {field}", "use at most four digits"),
    OddityKind.STEP_UNEVEN: (
        "CB304",
        "{text} starts anew with each {round}, so the last interval is shorter",
        "use a step that divides it, or a list, if that matters",
    ),
    OddityKind.STEP_TOO_LARGE: ("CB305", "{text} selects its first value only", "write that value"),
}
_ROUND = {
    FieldName.MINUTE: "hour",
    FieldName.HOUR: "day",
    FieldName.DAY: "month",
    FieldName.MONTH: "year",
    FieldName.WEEKDAY: "week",
}


def schedule(entry: Entry, context: Context) -> Sequence[Finding]:
    """All that is to be said about the entry's time fields, at its line."""
    found = judge(entry.times, context.zone)
    if not found:
        return ()
    shift = entry.times_column - 1
    return [
        Finding(entry.line, column + shift, code, message, hint)
        for _, column, code, message, hint, _ in found
    ]


@lru_cache(maxsize=65536)
def judge(times: str, zone: ZoneInfo | None) -> tuple[Finding, ...]:
    """Findings about time fields that cron accepts, with columns in `times` and no line."""
    reading = read_schedule(times)
    findings = [_odd(oddity) for oddity in reading.oddities]
    columns = _columns(times)
    if not findings or all(finding.code in ("CB304", "CB305") for finding in findings):
        about_days = list(_days(reading.schedule, columns))
        if any(finding.code == "CB308" for finding in about_days):
            findings = [finding for finding in findings if finding.column < columns[2]]
        findings += about_days
        findings += _hours(reading.schedule, columns)
        if zone is not None and not never_fires(reading.schedule):
            findings += _clock_changes(reading.schedule, zone, columns)
    return tuple(findings)


def _odd(oddity: Oddity) -> Finding:
    code, message, hint = _ODD[oddity.kind]
    text = message.format(text=oddity.text, field=oddity.field, round=_ROUND[oddity.field])
    return Finding(0, oddity.column, code, text, hint)


def _columns(times: str) -> list[int]:
    """Where each field begins; a keyword counts as all five."""
    tokens, at = times.split(), 0
    columns = []
    for token in tokens:
        at = times.index(token, at)
        columns.append(at + 1)
        at += len(token)
    return columns if len(columns) == 5 else [1] * 5


def _days(schedule: Schedule, columns: list[int]) -> Iterator[Finding]:
    if never_fires(schedule):
        yield Finding(
            0, columns[2], "CB306", "no day of the calendar fits, so this never fires", "check day and month"
        )
    elif schedule.reboot or len(schedule.days) == 31 or len(schedule.weekdays) == 7:
        return
    elif schedule.either_day:
        message = "day-of-month and day-of-week are both given, so either of them is enough"
        hint = "for both at once, make one of them * and test it in the command: [ $(date +\\%u) = 1 ] && …"
        yield Finding(0, columns[2], "CB307", message, hint)
    else:
        message = "one of the two day fields begins with *, so both must match"
        yield Finding(
            0, columns[2], "CB308", message, "if either is to be enough, write the days as a list or a range"
        )


def _hours(schedule: Schedule, columns: list[int]) -> Iterator[Finding]:
    if schedule.minutes == _ALL_MINUTES and schedule.hours and len(schedule.hours) < 6:
        count = 60 * len(schedule.hours)
        yield Finding(
            0,
            columns[0],
            "CB311",
            f"the minute is *, so this fires {count} times a day",
            "for once an hour, write 0",
        )


# ------------------------------------------------------------------------------------ summer time


@dataclass(frozen=True, slots=True)
class _Change:
    """A clock change: the minutes from `first` up to `last` are skipped or come twice."""

    first: datetime
    last: datetime
    skipped: bool
    by_hour: tuple[tuple[datetime, frozenset[int]], ...]
    """Each hour that is touched, and the minutes of it."""


def _clock_changes(schedule: Schedule, zone: ZoneInfo, columns: list[int]) -> Iterator[Finding]:
    """Only entries of chosen hours: one that is due every hour has nothing to lose."""
    if schedule.reboot or schedule.hours == _ALL_HOURS:
        return
    told = set()
    for change in _changes(zone):
        code = "CB309" if change.skipped else "CB310"
        if code not in told and (wall := _hit(schedule, change)):
            told.add(code)
            yield Finding(0, columns[1], code, _told(schedule, zone, change, wall), _DST_HINT)


_DST_HINT = "choose an hour that every day has once, or run the box in UTC"


def _hit(schedule: Schedule, change: _Change) -> datetime | None:
    """The first minute of the day that is due and skipped or repeated; the day itself may be any."""
    for hour, minutes in change.by_hour:
        if hour.hour in schedule.hours and (both := minutes & schedule.minutes):
            return hour.replace(minute=min(both))
    return None


def _told(schedule: Schedule, zone: ZoneInfo, change: _Change, wall: datetime) -> str:
    when = f"{wall:%H:%M} in {zone.key}"
    if change.skipped:
        does = (
            "cron leaves it out that day"
            if schedule.wildcard
            else f"cron starts it at {change.last:%H:%M} then"
        )
        return f"the clock skips {when} once a year: {does}"
    does = "cron starts it both times" if schedule.wildcard else "cron starts it the first time only"
    return f"{when} comes twice once a year: {does}"


@lru_cache(maxsize=1024)
def _changes(zone: ZoneInfo) -> tuple[_Change, ...]:
    """The zone's clock changes in RULE_YEAR, told by the minutes of a job that is due every minute."""
    found = []
    day = datetime(RULE_YEAR, 1, 1, tzinfo=UTC)
    while day.year == RULE_YEAR:
        following = day + timedelta(days=1)
        if _shift(day, zone) != _shift(following, zone):
            found.append(_change_between(day, following, zone))
        day = following
    return tuple(found)


def _shift(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> _Change:
    before = _shift(low, zone)
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
        low, high = (middle, high) if _shift(middle, zone) == before else (low, middle)
    old, new = (high + before).replace(tzinfo=None), (high + _shift(high, zone)).replace(tzinfo=None)
    first, last = min(old, new), max(old, new)
    return _Change(first, last, skipped=new > old, by_hour=_by_hour(first, last))


def _by_hour(first: datetime, last: datetime) -> tuple[tuple[datetime, frozenset[int]], ...]:
    hours: dict[datetime, set[int]] = {}
    for count in range((last - first) // timedelta(minutes=1)):
        minute = first + timedelta(minutes=count)
        hours.setdefault(minute.replace(minute=0), set()).add(minute.minute)
    return tuple((hour, frozenset(minutes)) for hour, minutes in hours.items())


SCHEDULE_RULES = (schedule,)
