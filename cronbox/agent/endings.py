"""How a run that nobody has told to end came to its end: its status, and the reason in words."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NamedTuple

from .console import signal_name
from .limits import CPU_GRACE_SECONDS
from .table import Job

SIGNAL_BASE = 128
"""A shell whose command was ended by signal n has the exit code 128 + n."""


class End(NamedTuple):
    """What the kernel says of a process that was reaped: its exit code or signal, and the CPU seconds."""

    code: int | None
    signal: int | None
    cpu_s: float


def judged(job: Job, end: End, shortage: Callable[[], str | None]) -> tuple[str, str | None]:
    """`shortage` says whether memory ran out meanwhile; it is asked where SIGKILL has ended the run."""
    if end.code in job.ok_codes:
        return "succeeded", None
    return "failed", _cause(job, end, shortage) or _plainly(end)


def _cause(job: Job, end: End, shortage: Callable[[], str | None]) -> str | None:
    """The limit that was behind it, where one was. Of a child's end the shell tells by its exit code."""
    number = end.signal or (end.code or 0) - SIGNAL_BASE
    cpu_time = job.limits.cpu_time
    if number == signal.SIGKILL and (reason := shortage()):
        return reason
    if cpu_time is None:
        return None
    ignored = number == signal.SIGKILL and end.cpu_s >= cpu_time + CPU_GRACE_SECONDS
    if number == signal.SIGXCPU or ignored:
        return f"used up its cpu-time of {cpu_time} s"
    return None


def _plainly(end: End) -> str:
    return f"exit code {end.code}" if end.signal is None else f"ended by {signal_name(end.signal)}"
