"""Which minutes a job's schedule names, in the box's time zone. A slot is epoch seconds of such a minute."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

MINUTE = 60
DAY = 86_400
DAYS_BACK = 4 * 366 + 1
"""How far back a slot is looked for: 29 February comes within that."""


class Schedule(NamedTuple):
    """The expanded fields of an entry. Weekdays are 0 (Sunday) to 6."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    days_starred: bool
    weekdays_starred: bool
    wildcard: bool
    """The minute or the hour field begins with a star, which makes cron treat clock jumps differently."""

    def matches(self, local: time.struct_time) -> bool:
        """Debian's rule (cron.c:345): a starred day field makes both needed, else either will do."""
        if local.tm_min not in self.minutes or local.tm_hour not in self.hours:
            return False
        return self.names_day(local)

    def names_day(self, local: time.struct_time) -> bool:
        """Whether the date fields name this day."""
        if local.tm_mon not in self.months:
            return False
        day = local.tm_mday in self.days
        weekday = (local.tm_wday + 1) % 7 in self.weekdays
        return (day and weekday) if self.days_starred or self.weekdays_starred else (day or weekday)


def parse_schedule(raw: dict[str, Any]) -> Schedule | None:
    """None for `@reboot`."""
    if raw["text"] == "@reboot":
        return None
    return Schedule(
        minutes=frozenset(raw["minutes"]),
        hours=frozenset(raw["hours"]),
        days=frozenset(raw["days"]),
        months=frozenset(raw["months"]),
        weekdays=frozenset(raw["weekdays"]),
        days_starred=bool(raw["days_starred"]),
        weekdays_starred=bool(raw["weekdays_starred"]),
        wildcard=bool(raw["wildcard"]),
    )


def slots_within(schedule: Schedule, minutes: Iterable[int]) -> Iterator[int]:
    """The slots among these minutes (whole minutes since the epoch), in their order."""
    for minute in minutes:
        if schedule.matches(time.localtime(minute * MINUTE)):
            yield minute * MINUTE


def newest_slot(schedule: Schedule, until: int) -> int | None:
    """The newest slot not later than `until`; None if there was none for four years."""
    local = time.localtime(until)
    first_noon = time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 12, 0, 0, 0, 0, -1))
    for day in range(DAYS_BACK):
        noon = time.localtime(first_noon - day * DAY)
        if schedule.names_day(noon):
            slot = _newest_on(schedule, noon, until)
            if slot is not None:
                return slot
    return None


def _newest_on(schedule: Schedule, day: time.struct_time, until: int) -> int | None:
    for hour in sorted(schedule.hours, reverse=True):
        for minute in sorted(schedule.minutes, reverse=True):
            wall = (day.tm_year, day.tm_mon, day.tm_mday, hour, minute, 0, 0, 0, -1)
            slot = int(time.mktime(wall))
            if slot <= until and schedule.matches(time.localtime(slot)):
                return slot
    return None
