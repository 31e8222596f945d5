"""A run: one execution of a job, and the one table of the states it can be in.

Statuses and their order of life: queued -> running -> one end. `skipped` and `missed` are slots that did
not run. `lost` is an end that nobody saw; a `finished` that turns up later replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from cronbox.errors import ImpossibleTransition
from cronbox.model.event import Event, parse_time


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    KILLED = "killed"
    LOST = "lost"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def is_open(self) -> bool:
        """Still to come to an end."""
        return self in (Status.QUEUED, Status.RUNNING)


class Trigger(StrEnum):
    CRON = "cron"
    MANUAL = "manual"
    RETRY = "retry"
    CATCHUP = "catchup"
    REBOOT = "reboot"


ENDS = frozenset({Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.KILLED})

TRANSITIONS: dict[Status | None, frozenset[Status]] = {
    None: frozenset({Status.QUEUED, Status.RUNNING, Status.SKIPPED, Status.MISSED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.SKIPPED, Status.KILLED, Status.LOST}),
    Status.RUNNING: ENDS | {Status.RUNNING, Status.LOST},
    Status.LOST: ENDS,
    Status.MISSED: frozenset({Status.QUEUED, Status.RUNNING}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.TIMED_OUT: frozenset(),
    Status.KILLED: frozenset(),
    Status.SKIPPED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the history. Times are aware UTC; `scheduled_for` is the slot, None for a run nobody scheduled."""

    id: str
    box: str
    job: str
    trigger: Trigger
    status: Status
    reason: str | None = None
    scheduled_for: datetime | None = None
    occurrence: int = 0
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_s: float | None = None
    attempt: int = 1
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float | None = None
    max_rss_bytes: int | None = None
    output_bytes: int = 0
    dropped_bytes: int = 0
    release: int | None = None
    boot_id: str | None = None


def moved(run: Run | None, to: Status) -> Status:
    """`to`, if a run in its present state may go there. Raises ImpossibleTransition."""
    at = run.status if run else None
    if to not in TRANSITIONS[at]:
        raise ImpossibleTransition(f"a run cannot go from {at} to {to}")
    return to


def end_status(data: dict[str, Any]) -> Status:
    """The end that a `finished` event tells: its `status` field, written by the agent that judged it."""
    status = Status(data["status"])
    if status not in ENDS:
        raise ImpossibleTransition(f"{status} is not the end of a run")
    return status


def lost(run: Run, *, at: datetime, reason: str) -> Run:
    """The run as it stands when its box died under it."""
    return replace(run, status=moved(run, Status.LOST), finished_at=at, reason=reason)


def slot_of(event: Event) -> datetime | None:
    """The slot an event names, aware UTC."""
    text = event.data.get("scheduled_for")
    return parse_time(text) if text else None
