"""Quiet hours: a part of each day, in a zone, in which nobody is told anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """From `begin` until before `end`; over midnight where `end` is the earlier one."""

    begin: time
    end: time
    zone: ZoneInfo

    def until(self, at: datetime) -> datetime | None:
        """When the quiet hours that `at` lies in are over, in UTC; None where it lies in none."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.begin < self.end:
            inside = self.begin <= clock < self.end
        else:
            inside = clock >= self.begin or clock < self.end
        if not inside:
            return None
        day = local.date() + timedelta(days=int(clock >= self.end))
        over = datetime.combine(day, self.end, self.zone).astimezone(UTC)
        # In the hour that a clock is set back, the end may come twice: it is the later one that counts.
        return over if over > at else over + timedelta(hours=1)


def parse_quiet(text: str, zone: ZoneInfo) -> Quiet:
    """`22:00-07:00`. Raises ValueError."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError("quiet hours are written `22:00-07:00`")
    h1, m1, h2, m2 = map(int, found.groups())
    begin, end = time(h1, m1), time(h2, m2)
    if begin == end:
        raise ValueError("quiet hours begin and end at the same time")
    return Quiet(begin, end, zone)


def day_begin(at: datetime, zone: ZoneInfo) -> datetime:
    """The midnight before, in UTC."""
    return datetime.combine(at.astimezone(zone).date(), time(), zone).astimezone(UTC)


def next_day(at: datetime, zone: ZoneInfo) -> datetime:
    """The midnight after, in UTC."""
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
