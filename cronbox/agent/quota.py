"""Holds complaints back that come in floods."""

from __future__ import annotations

import time


class Quota:
    """So many a minute; says afterwards how many more there were."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._count = 0

    def take(self) -> bool:
        """Whether one more may pass now."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= self._per_minute

    @property
    def just_spent(self) -> bool:
        """The last one asked for was the first to be refused in its minute."""
        return self._count == self._per_minute + 1
