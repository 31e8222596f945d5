"""Slots that nobody could run, because the box or cron was not there, and that a job wants made up for."""

from __future__ import annotations

from collections.abc import Callable

from .history import Past
from .schedule import MINUTE, slots_within
from .table import Job

AT_ONCE = 4
"""So many catch-up runs of a box go on at once: a long pause must not end in a storm."""


def owed(
    job: Job, past: Past, *, after: float, until: float, free: Callable[[int], bool]
) -> tuple[list[int], int]:
    """The slots to make up for, oldest first, among those with after < slot <= until (epoch seconds), and how
    many more there were than the job's limit allows. `free` says whether a slot has not had a run."""
    if job.catchup.mode == "none" or job.schedule is None:
        return [], 0
    first = max(after, past.since, until - job.catchup.deadline)
    minutes = range(int(until // MINUTE), int(first // MINUTE), -1)
    slots = slots_within(job.schedule, minutes)
    if job.catchup.mode == "latest":
        newest = next(slots, None)
        return ([newest] if newest is not None and free(newest) else []), 0
    found = [slot for slot in slots if free(slot)]
    return found[: job.catchup.limit][::-1], max(0, len(found) - job.catchup.limit)
