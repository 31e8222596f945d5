"""How the starts of a day lie over its minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

BUCKET_MINUTES = 5
BUCKETS = 60 // BUCKET_MINUTES


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Starts of one day. An hour that the clock repeats adds up in one row, one that it skips is empty."""

    day: date
    cells: tuple[tuple[int, ...], ...]
    """For each hour on the wall, the starts in each BUCKET_MINUTES of it."""
    busiest: tuple[time, int]
    """The first of the minutes with the most starts, and how many."""

    @classmethod
    def of(cls, day: date, starts: Iterable[tuple[datetime, int]]) -> DayLoad:
        """From that day's minutes as the clock on the wall shows them, each with how many starts it has."""
        minutes: Counter[tuple[int, int]] = Counter()
        for wall, count in starts:
            minutes[wall.hour, wall.minute] += count
        cells = [[0] * BUCKETS for _ in range(24)]
        for (hour, minute), count in minutes.items():
            cells[hour][minute // BUCKET_MINUTES] += count
        (hour, minute), most = min(minutes.items(), key=lambda item: (-item[1], item[0]), default=((0, 0), 0))
        return cls(day, tuple(map(tuple, cells)), (time(hour, minute), most))

    @property
    def total(self) -> int:
        return sum(map(sum, self.cells))

    def shade(self, count: int, shades: int) -> int:
        """Which of so many shades a cell gets: 0 for no start, the last one for the fullest cell."""
        fullest = max(map(max, self.cells))
        return -(-count * (shades - 1) // fullest) if count else 0
