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

from .schedule import MINUTE, Schedule

CATCH_UP_ALL = 5
CATCH_UP_FIXED = 180
CATCH_UP_PACE = 12
"""Seconds cron takes for one minute that it catches up: it sleeps 10 between two."""
REMEMBERED = 240
"""Slots remembered for a job: more than the minutes that cron can go back."""


class Gap(NamedTuple):
    """Minutes in which cron was not heard: from `after` to `last`, the former excluded, the latter not."""

    after: int
    last: int
    until: float
    """Epoch seconds by which cron has caught up with what it will."""


class Slots:
    """The slots given out so far, and how far behind cron is. Times are epoch seconds."""

    def __init__(self, since: float) -> None:
        """`since`: when cron began; it starts nothing for that minute or an earlier one."""
        self._since = int(since // MINUTE)
        self._heard: int | None = None
        self._gap: Gap | None = None
        self._behind: int | None = None
        """The minute before the oldest gap that has not settled."""
        self._used: dict[str, dict[int, int]] = {}

    def begins(self, now: float) -> None:
        """Another cron has begun: what the one before it has left out, it does not catch up with."""
        self._since = int(now // MINUTE)

    def heard(self, now: float) -> None:
        """cron has said something: a tick, or that a job is due."""
        minute = int(now // MINUTE)
        missed = 0 if self._heard is None else minute - self._heard
        if self._heard is not None and missed >= 2:
            paced = missed if missed <= CATCH_UP_FIXED else 1
            self._gap = Gap(self._heard, minute, now + CATCH_UP_PACE * paced)
            self._behind = self._heard if self._behind is None else self._behind
        self._heard = minute

    def settled_gap(self, now: float) -> Gap | None:
        """The gap that cron has caught up with as far as it ever will. Given once."""
        gap = self._gap
        if gap is None or now <= gap.until:
            return None
        after, self._gap, self._behind = self._behind, None, None
        return gap if after is None else gap._replace(after=after)

    @property
    def gap_settles(self) -> float | None:
        """When there will be a settled gap."""
        return None if self._gap is None else self._gap.until

    def take(self, job: str, schedule: Schedule | None, now: float) -> tuple[int, int]:
        """The slot (epoch seconds) of a start that cron asks for now, and how many had the same before."""
        used = self._used.setdefault(job, {})
        minute = self._choose(schedule, used, now) if schedule else int(now // MINUTE)
        return minute * MINUTE, self._use(used, minute)

    def claim(self, job: str, slot: int) -> bool:
        """Take a slot that cron did not ask for -> whether it was still free."""
        used = self._used.setdefault(job, {})
        return self._use(used, slot // MINUTE) == 0

    def _use(self, used: dict[int, int], minute: int) -> int:
        occurrence = used.get(minute, 0)
        used[minute] = occurrence + 1
        if len(used) > REMEMBERED:
            del used[next(iter(used))]
        return occurrence

    def _choose(self, schedule: Schedule, used: dict[int, int], now: float) -> int:
        minute = int(now // MINUTE)
        owed = self._owed(schedule, used, now)
        if owed is not None:
            return owed
        if schedule.matches(time.localtime(minute * MINUTE)):
            return minute
        first = max(minute - CATCH_UP_FIXED, self._since + 1)
        return _first_match(schedule, used, range(minute - 1, first - 1, -1)) or minute

    def _owed(self, schedule: Schedule, used: dict[int, int], now: float) -> int | None:
        """The oldest minute that cron has still to start this job for, while it catches up."""
        gap = self._gap
        if gap is None or now > gap.until:
            return None
        after = max(gap.after, self._since)
        behind = gap.last - after
        if behind > CATCH_UP_FIXED or (behind > CATCH_UP_ALL and schedule.wildcard):
            return None
        return _first_match(schedule, used, range(after + 1, int(now // MINUTE) + 1))


def _first_match(schedule: Schedule, used: dict[int, int], minutes: range) -> int | None:
    for minute in minutes:
        if minute not in used and schedule.matches(time.localtime(minute * MINUTE)):
            return minute
    return None
