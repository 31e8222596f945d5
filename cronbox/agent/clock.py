"""Times as text. `datetime` stays out of the long-lived process: it costs half a megabyte."""

from __future__ import annotations

import time


def utc_text(ns: int) -> str:
    """Nanoseconds since the epoch -> `2026-11-23T21:00:00.004123Z`."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1000:06d}Z"


def utc_minute_text(seconds: int) -> str:
    """Whole seconds since the epoch -> `2026-11-23T21:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def epoch_seconds(text: str) -> float:
    """RFC 3339 with a zone -> seconds since the epoch. Raises ValueError."""
    from datetime import datetime

    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()
