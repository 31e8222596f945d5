"""Whether a run that failed is tried again, and when."""

from __future__ import annotations

import zlib

from .request import Request
from .table import Retries

LONGEST_DELAY = 86_400.0
SPREAD = 0.1
"""Up to a tenth more, different for each run: jobs that failed together must not come back together."""
RETRIED = frozenset({"failed", "timed_out", "lost"})


def is_retried(request: Request, retries: Retries, status: str, code: int | None) -> bool:
    """Whether another attempt follows this end. With `retry-codes`, only after these exit codes."""
    if request.attempt > retries.most or status not in RETRIED:
        return False
    return retries.codes is None or code in retries.codes


def delay_before(retries: Retries, attempt: int, run: str) -> float:
    """Seconds from the end of the attempt before to this one. The first attempt has none."""
    delay = min(LONGEST_DELAY, retries.delay * retries.backoff ** min(attempt - 2, 100))
    return float(delay * (1 + SPREAD * zlib.crc32(run.encode()) / 2**32))
