"""Moments and spans as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from cronbox.errors import UsageError
from cronbox.model.durations import parse_duration

NOTHING = "-"
YEARS = range(1970, 9000)
"""Nothing ran before, and there is room for a sum behind."""


def parse_moment(
    text: str, *, now: datetime, option: str, ahead: bool = False, zone: tzinfo | None = None
) -> datetime:
    """A moment as people write it -> aware UTC. Raises UsageError, which names the option.

    `2h` is two hours before `now`, or after it if `ahead`. A date is its midnight; a time without an
    offset, and a date, are meant in `zone`, which is that of this machine unless another is given.
    """
    try:
        span = timedelta(seconds=parse_duration(text))
    except ValueError:
        return _written_moment(text, option, zone)
    return now + span if ahead else now - span


def _written_moment(text: str, option: str, zone: tzinfo | None) -> datetime:
    try:
        written = datetime.fromisoformat(text)
        moment = (written.replace(tzinfo=zone) if written.tzinfo is None else written).astimezone(UTC)
        if moment.year not in YEARS:
            raise ValueError("out of the calendar")
        return moment
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r} is not a time",
            hint="write 2h, 2026-11-23, 2026-11-23T21:00 or 2026-11-23T21:00:00Z",
        ) from None


UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def age(moment: datetime | None, *, now: datetime) -> str:
    """`3m ago`, `in 2h`, `now`: rounded down to one unit; `-` for nothing."""
    if moment is None:
        return NOTHING
    gap = round((moment - now).total_seconds())
    unit, size = next(((unit, size) for unit, size in UNITS if abs(gap) >= size), ("", 0))
    if not size:
        return "now"
    return f"in {gap // size}{unit}" if gap > 0 else f"{-gap // size}{unit} ago"


def span(seconds: float | None) -> str:
    """A length of time in at most two units: `0.42s`, `12s`, `3m 20s`, `2h 5m`, `4d 1h`; `-` for nothing."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.2f}s"
    left = round(seconds)
    for (unit, size), (smaller, step) in pairwise(UNITS):
        if left >= size:
            whole, rest = left // size, left % size // step
            return f"{whole}{unit} {rest}{smaller}" if rest else f"{whole}{unit}"
    return f"{left}s"
