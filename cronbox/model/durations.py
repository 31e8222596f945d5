"""Spans of time and sizes as people write them: `90s`, `1h30m`, `10MiB`.

A bare number is refused for durations (`timeout=30` could be seconds or minutes) but means bytes for sizes.
Every function raises ValueError with a sentence that says what is accepted.
"""

from __future__ import annotations

import re

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,6})?(?:ms|d|h|m|s))+", re.ASCII)
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|d|h|m|s)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s?([kmgt]?)(?:i?b)?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_LONGEST = 10 * 366 * 86400.0


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `30m`, `2h`, `1d`, `500ms` or `1h30m` (largest unit first); at most ten years."""
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a duration: write a number and a unit, such as 90s, 30m, 2h or 1h30m"
        )
    parts = _DURATION_PART.findall(text)
    steps = [_SECONDS[unit] for _, unit in parts]
    if steps != sorted(set(steps), reverse=True):
        raise ValueError(f"{text!r} is not a duration: name each unit once, the largest first, such as 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return seconds


def format_duration(seconds: float) -> str:
    """`1h30m` for 5400; the form that `parse_duration` reads back to the same millisecond."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_size(text: str) -> int:
    """Bytes of `10MiB`, `512m`, `1g` or `4096`. Every unit is a power of 1024, as in `docker run -m`."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a size: write a number and a unit, such as 512k, 10MiB or 1g")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def format_size(size: int) -> str:
    """`10MiB` for 10485760: the largest unit that needs at most one decimal, rounded."""
    value = float(size)
    units = iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while value >= 1024 and unit != "TiB":
        value, unit = value / 1024, next(units)
    return f"{value:.1f}".removesuffix(".0") + unit
