"""Moments, and times as text. `datetime` stays out of the long-lived process: it costs half a megabyte."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import NamedTuple

EPOCH_DAYS = 719_469
"""From 1 March of the year 0 to 1 January 1970, both counted."""


class Now(NamedTuple):
    """One moment on both clocks, in seconds: since the epoch, and monotonic."""

    wall: float
    mono: float


def now() -> Now:
    return Now(time.time(), time.monotonic())


def utc_text(ns: int) -> str:
    """Nanoseconds since the epoch -> `2026-11-23T21:00:00.004123Z`."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second_text(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def _second_text(seconds: int) -> str:
    """Made once: most of what is told in a second is told of that second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def utc_minute_text(seconds: int) -> str:
    """Whole seconds since the epoch -> `2026-11-23T21:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def utc_seconds(text: str) -> int:
    """`2026-11-23T21:00:00Z`, as `utc_minute_text` writes it -> whole seconds since the epoch."""
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    years = year - (month < 3)  # a year that begins in March ends with the leap day
    days = years * 365 + years // 4 - years // 100 + years // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day
    return (days - EPOCH_DAYS) * 86_400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


def epoch_seconds(text: str) -> float:
    """RFC 3339 with a zone -> seconds since the epoch. Raises ValueError."""
    from datetime import datetime

    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()
