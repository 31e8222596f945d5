"""Whether a run that is asked for may start now. Pure: time and situation come in as arguments."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from .state import WHOLE_BOX, Pause
from .table import Job


class Trigger(StrEnum):
    """Why a run starts."""

    CRON = "cron"
    MANUAL = "manual"
    REBOOT = "reboot"


class Request(NamedTuple):
    """A run that somebody asks for. `slot` is epoch seconds, None where no schedule named it."""

    run: str
    job: Job
    trigger: Trigger
    slot: int | None = None
    occurrence: int = 0
    attempt: int = 1


class Situation(NamedTuple):
    """What an answer depends on, besides the request."""

    now: float
    """Epoch seconds."""
    draining: bool
    pauses: dict[str, Pause]
    running: tuple[str, ...]
    """Runs of the same job that go on, oldest first."""


def refusal(request: Request, situation: Situation) -> str | None:
    """Why this run must not start, or None. A pause holds only the schedule, not a person."""
    if situation.draining:
        return "draining"
    if request.trigger is not Trigger.MANUAL:
        paused = _pause_in_force(request.job, situation)
        if paused is not None:
            return f"paused: {paused}"
    if situation.running and request.job.overlap != "allow":
        return f"overlap: run {situation.running[0]} is still running"
    return None


def _pause_in_force(job: Job, situation: Situation) -> str | None:
    """The reason of the pause that holds this job, None if there is none."""
    if job.paused:
        return "by its crontab"
    for key in (job.name, WHOLE_BOX):
        pause = situation.pauses.get(key)
        if pause and (pause.until is None or situation.now < pause.until):
            return pause.why or "no reason given"
    return None
