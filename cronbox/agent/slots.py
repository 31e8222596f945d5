"""Which minute of the schedule a start by cron stands for.

cron says only that a job is due, not for which minute. Mostly that is the minute it says it in. It is not
after a pause or a jump of the clock, when Debian's cron catches up (cron.c, main loop): a delay of 2 to 5
minutes makes it start everything for each missed minute in order; 6 to 180 minutes make it start fixed-time
jobs for each missed minute, and wildcard jobs for the present one only.

A slot is a count of whole minutes since the epoch, so that a local minute that a clock change repeats makes
two slots, and one that it leaves out makes none.
"""

from __future__ import annotations

import time
from typing import NamedTuple

CATCH_UP_ALL = 5
CATCH_UP_FIXED = 180
CATCH_UP_PACE = 12
"""Seconds cron takes for one minute that it catches up: it sleeps 10 between two."""
REMEMBERED = 240
"""Slots remembered for a job: more than the minutes that cron can go back."""


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
        if local.tm_mon not in self.months:
            return False
        day = local.tm_mday in self.days
        weekday = (local.tm_wday + 1) % 7 in self.weekdays
        return (day and weekday) if self.days_starred or self.weekdays_starred else (day or weekday)


class _Gap(NamedTuple):
    after: int
    """The last minute that cron was heard in before the gap."""
    length: int
    until: float
    """Epoch seconds by which cron has caught up."""


class Slots:
    """The slots given out so far, and how far behind cron is. Times are epoch seconds."""

    def __init__(self, since: float) -> None:
        """`since`: when cron began; it starts nothing for that minute or an earlier one."""
        self._since = int(since // 60)
        self._heard: int | None = None
        self._gap: _Gap | None = None
        self._used: dict[str, dict[int, int]] = {}

    def heard(self, now: float) -> None:
        """cron has said something: a tick, or that a job is due."""
        minute = int(now // 60)
        missed = 0 if self._heard is None else minute - self._heard
        if self._heard is not None and 2 <= missed <= CATCH_UP_FIXED:
            self._gap = _Gap(self._heard, missed, now + CATCH_UP_PACE * missed)
        self._heard = minute

    def take(self, job: str, schedule: Schedule | None, now: float) -> tuple[int, int]:
        """The slot (epoch seconds) of a start that cron asks for now, and how many had the same before."""
        used = self._used.setdefault(job, {})
        minute = self._choose(schedule, used, now) if schedule else int(now // 60)
        occurrence = used.get(minute, 0)
        used[minute] = occurrence + 1
        if len(used) > REMEMBERED:
            del used[next(iter(used))]
        return minute * 60, occurrence

    def _choose(self, schedule: Schedule, used: dict[int, int], now: float) -> int:
        minute = int(now // 60)
        owed = self._owed(schedule, used, now)
        if owed is not None:
            return owed
        if schedule.matches(time.localtime(minute * 60)):
            return minute
        first = max(minute - CATCH_UP_FIXED, self._since + 1)
        return _first_match(schedule, used, range(minute - 1, first - 1, -1)) or minute

    def _owed(self, schedule: Schedule, used: dict[int, int], now: float) -> int | None:
        """The oldest minute that cron has still to start this job for, while it catches up."""
        gap = self._gap
        if gap is None or now > gap.until:
            return None
        if gap.length > CATCH_UP_ALL and schedule.wildcard:
            return None
        return _first_match(schedule, used, range(gap.after + 1, int(now // 60) + 1))


def _first_match(schedule: Schedule, used: dict[int, int], minutes: range) -> int | None:
    for minute in minutes:
        if minute not in used and schedule.matches(time.localtime(minute * 60)):
            return minute
    return None
