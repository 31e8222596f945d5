"""A run that somebody asks for, and how an event tells of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from .clock import epoch_seconds, utc_minute_text
from .table import Job


class Trigger(StrEnum):
    """Why a run starts."""

    CRON = "cron"
    MANUAL = "manual"
    RETRY = "retry"
    CATCHUP = "catchup"
    REBOOT = "reboot"


class Request(NamedTuple):
    """One attempt at a run. `slot` is epoch seconds, None where no schedule named it."""

    run: str
    job: Job
    trigger: Trigger
    slot: int | None = None
    occurrence: int = 0
    attempt: int = 1
    origin: str | None = None
    """The run that this one repeats: a retry's first attempt, or what a person asked to run again."""
    patient: bool = False
    """Waits its turn where overlap would have it skipped."""
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()


def request_fields(request: Request) -> dict[str, Any]:
    """What `queued`, `skipped` and `started` say of a run alike. What is seldom there is left out."""
    fields: dict[str, Any] = {
        "run": request.run,
        "job": request.job.name,
        "trigger": request.trigger.value,
        "scheduled_for": None if request.slot is None else utc_minute_text(request.slot),
        "occurrence": request.occurrence,
        "attempt": request.attempt,
    }
    if request.origin is not None:
        fields["origin"] = request.origin
    if request.patient:
        fields["patient"] = True
    if request.env:
        fields["env"] = dict(request.env)
    if request.args:
        fields["args"] = list(request.args)
    return fields


def request_of(fields: dict[str, Any], job: Job) -> Request:
    """The request behind such fields, for the job as it is by now. Raises KeyError or ValueError."""
    slot = fields["scheduled_for"]
    return Request(
        run=fields["run"],
        job=job,
        trigger=Trigger(fields["trigger"]),
        slot=None if slot is None else int(epoch_seconds(slot)),
        occurrence=int(fields["occurrence"]),
        attempt=int(fields.get("attempt", 1)),
        origin=fields.get("origin"),
        patient=bool(fields.get("patient", False)),
        env=tuple(fields.get("env", {}).items()),
        args=tuple(fields.get("args", ())),
    )
