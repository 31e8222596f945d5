"""When a schedule is due, in a time zone, exactly as Debian's cron 3.0pl1-162 starts it.

What cron does when the clock is put forward or back is in `cron.c` (its main loop). A minute that the clock
skips is made up for in the first minute after the gap, but only for fixed-time entries: those whose minute
and hour fields do not begin with `*`. Of minutes that the clock repeats, the second ones are for the other
entries only. A change of more than three hours is no summer time to cron: nothing is made up for, nothing
is held back.

Taken for granted: cron runs all the time. Not modelled: cron spaces what it makes up for by up to ten
seconds a minute, and its 32-bit clock ends in January 2038.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from cronbox.model.fields import Schedule

HORIZON_YEARS = 48
"""How far to look for a day. 29 February falls on each weekday at least every 40 years (1900 had none)."""

BEFORE = timedelta(microseconds=1)
"""What to take from a moment that shall itself be looked at: `fires` gives what comes after one."""
_MINUTE = timedelta(minutes=1)
_CATCH_UP_ALL = 5
"""cron makes up for up to so many minutes for every entry, as if it had only been late."""
_CORRECTION = 180
"""A jump of so many minutes or more is a correction of the clock."""


class Remark(StrEnum):
    """Why a start is not simply a minute of the schedule."""

    GAP = "gap"
    """The clock skips the minute; this is the first one after the gap."""
    REPEATED = "repeated"
    """The clock shows this minute for the second time."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a job."""

    at: datetime
    """The minute in which cron really starts it, aware UTC."""
    wall: datetime
    """The minute that the schedule names, by the clock on the wall (naive)."""
    remark: Remark | None = None


def fires(schedule: Schedule, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Minutes (aware UTC) in which cron starts it, strictly after `after` (aware), oldest first.

    Two starts in one minute come twice. Ends after HORIZON_YEARS without one, or with the year 9998.
    """
    return (start.at for start in starts(schedule, zone, after))


def starts(schedule: Schedule, zone: tzinfo, after: datetime) -> Iterator[Start]:
    """Like `fires`, with what the clock on the wall shows and why."""
    first = after.astimezone(zone).date() - timedelta(days=1)
    waiting: list[Start] = []
    for day in _days(schedule, first):
        waiting = sorted([*waiting, *_starts_on(day, schedule, zone)], key=_order)
        settled = _utc(datetime(day.year, day.month, day.day) + timedelta(days=1), zone, fold=0)
        yield from (start for start in waiting if after < start.at < settled)
        waiting = [start for start in waiting if start.at >= settled]
    yield from (start for start in waiting if start.at > after)


def previous(schedule: Schedule, zone: tzinfo, before: datetime) -> Iterator[datetime]:
    """Minutes (aware UTC) in which cron started it, strictly before `before` (aware), newest first.

    Ends after HORIZON_YEARS without one, or with the year 2.
    """
    last = before.astimezone(zone).date() + timedelta(days=1)
    waiting: list[Start] = []
    for day in _days_back(schedule, last):
        waiting = sorted([*waiting, *_starts_on(day, schedule, zone)], key=_order)
        settled = _utc(datetime(day.year, day.month, day.day), zone, fold=1)
        yield from (start.at for start in reversed(waiting) if settled <= start.at < before)
        waiting = [start for start in waiting if start.at < settled]
    yield from (start.at for start in reversed(waiting) if start.at < before)


def never_fires(schedule: Schedule) -> bool:
    """Whether no day of the calendar has a minute for it. An `@reboot` schedule is not asked for minutes.

    Sooner or later every date falls on every weekday, 29 February too, so the months decide alone.
    """
    if schedule.reboot:
        return False
    has_date = any(day <= _LONGEST[month] for month in schedule.months for day in schedule.days)
    has_weekday = bool(schedule.months and schedule.weekdays)
    has_day = has_date or has_weekday if schedule.either_day else has_date and has_weekday
    return not (schedule.minutes and schedule.hours and has_day)


_LONGEST = {month: monthrange(2000, month)[1] for month in range(1, 13)}
"""The days of each month, in a leap year."""


def _order(start: Start) -> tuple[datetime, datetime]:
    return start.at, start.wall


# ------------------------------------------------------------------------------------------------ days


def due_on(schedule: Schedule, day: date) -> bool:
    """Whether the date fields name this day (`cron.c:345`)."""
    if day.month not in schedule.months:
        return False
    by_day = day.day in schedule.days
    by_weekday = day.isoweekday() % 7 in schedule.weekdays
    return by_day or by_weekday if schedule.either_day else by_day and by_weekday


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    """Days that the date fields name, from `first` on; ends when none comes for HORIZON_YEARS."""
    if never_fires(schedule):
        return
    last_found = first.year
    year, month = first.year, first.month
    while year <= min(last_found + HORIZON_YEARS, 9998):
        if month in schedule.months:
            for number in range(1, monthrange(year, month)[1] + 1):
                day = date(year, month, number)
                if day >= first and due_on(schedule, day):
                    last_found = year
                    yield day
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _days_back(schedule: Schedule, last: date) -> Iterator[date]:
    """Days that the date fields name, from `last` backwards; ends like `_days`."""
    if never_fires(schedule):
        return
    last_found = last.year
    year, month = last.year, last.month
    while year >= max(last_found - HORIZON_YEARS, 2):
        if month in schedule.months:
            for number in range(monthrange(year, month)[1], 0, -1):
                day = date(year, month, number)
                if day <= last and due_on(schedule, day):
                    last_found = year
                    yield day
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)


# ------------------------------------------------------------------------------------ minutes of a day


def _starts_on(day: date, schedule: Schedule, zone: tzinfo) -> list[Start]:
    """All starts that the schedule's minutes of this day lead to, in the order of the clock on the wall."""
    midnight = datetime(day.year, day.month, day.day)
    walls = [
        midnight + timedelta(hours=hour, minutes=minute)
        for hour in sorted(schedule.hours)
        for minute in sorted(schedule.minutes)
    ]
    offset = _offset(midnight, zone, fold=0)
    if offset == _offset(midnight + timedelta(hours=23, minutes=59), zone, fold=1):
        return [Start((wall - offset).replace(tzinfo=UTC), wall) for wall in walls]
    return [start for wall in walls for start in _starts_at(wall, schedule.wildcard, zone)]


def _starts_at(wall: datetime, wildcard: bool, zone: tzinfo) -> Iterator[Start]:
    """What cron makes of one minute on the wall: none, one or two starts."""
    before, after = _offset(wall, zone, fold=0), _offset(wall, zone, fold=1)
    jump = (after - before) // _MINUTE
    first, second = (_utc(wall, zone, fold=fold) for fold in (0, 1))
    if jump > 0:
        made_up_for = jump < _CATCH_UP_ALL or (jump < _CORRECTION and not wildcard)
        if made_up_for:
            yield Start(_change(second, first, after, zone), wall, Remark.GAP)
        return
    yield Start(first, wall)
    if jump < 0 and (wildcard or -jump > _CORRECTION):
        yield Start(second, wall, Remark.REPEATED)


def _change(low: datetime, high: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    """The first minute after `low`, at `high` at the latest, in which the zone has this offset."""
    while high - low > _MINUTE:
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(wall: datetime, zone: tzinfo, *, fold: int) -> timedelta:
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)


def _utc(wall: datetime, zone: tzinfo, *, fold: int) -> datetime:
    return (wall - _offset(wall, zone, fold=fold)).replace(tzinfo=UTC)
