"""A run: one execution of a job, and the one table of the states it can be in.

Statuses and their order of life: queued -> running -> one end. `skipped` and `missed` are slots that did
not run. `lost` is an end that nobody saw, `missed` a slot of which nobody heard: both are what the store
concludes, and what the log says later replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from cronbox.errors import ImpossibleTransition
from cronbox.model.event import Event, format_time, parse_time
from cronbox.model.result import result_of

RUN_EVENTS = frozenset({"queued", "skipped", "started", "finished"})
"""The events that move a run from one status to another."""

LONGEST_NAME = 200
LONGEST_REASON = 500
LARGEST_NUMBER = 2**63 - 1
LONGEST_PARAMETERS = 1024 * 1024
"""Characters of `env`, or of `args`, in all: as much as the agent takes in one command."""


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
        return self in OPEN


STATUSES = {status.value: status for status in Status}
"""By its text: the class looks it up too, but takes ten times as long, and every run asks."""


class Trigger(StrEnum):
    CRON = "cron"
    MANUAL = "manual"
    RETRY = "retry"
    CATCHUP = "catchup"
    REBOOT = "reboot"


OPEN = frozenset({Status.QUEUED, Status.RUNNING})
ENDS = frozenset({Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.KILLED})
RAN = ENDS | {Status.LOST}
"""How a run that began can have ended."""
FAILURES = frozenset({Status.FAILED, Status.TIMED_OUT, Status.LOST})
"""Ends that somebody should look at. What a person killed is none of them."""

TRANSITIONS: dict[Status | None, frozenset[Status]] = {
    None: frozenset({Status.QUEUED, Status.RUNNING, Status.SKIPPED, Status.MISSED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.SKIPPED, Status.KILLED, Status.LOST}),
    Status.RUNNING: ENDS | {Status.LOST},
    Status.LOST: ENDS | {Status.QUEUED, Status.RUNNING, Status.SKIPPED},
    Status.MISSED: frozenset({Status.QUEUED, Status.RUNNING, Status.SKIPPED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.TIMED_OUT: frozenset(),
    Status.KILLED: frozenset(),
    Status.SKIPPED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the history. Times are aware UTC; `scheduled_for` is the slot, if it has one.

    `origin` is the run that this one repeats: a retry's first attempt, or what a person ran again. `env` and
    `args` are what a person gave it, `result` is what the job said of itself; None where there was nothing.
    """

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
    origin: str | None = None
    env: Mapping[str, str] | None = field(default=None, hash=False)
    args: tuple[str, ...] | None = None
    result: Mapping[str, str] | None = field(default=None, hash=False)

    @property
    def first_attempt(self) -> str:
        """The id of the run's first attempt, which the later ones name as their origin."""
        return self.origin if self.origin is not None and self.attempt > 1 else self.id

    @property
    def at(self) -> datetime:
        """When it came up; the order of every listing. For a missed slot, the slot. It never changes, except
        when a missed slot turns out to have run."""
        moment = self.queued_at or self.started_at or self.scheduled_for or self.finished_at
        assert moment is not None, f"run {self.id} has no time at all"
        return moment

    @property
    def why(self) -> str:
        """Why it ended as it did, in words; empty where that is plain."""
        if self.reason:
            return self.reason
        if self.signal is not None:
            return f"signal {self.signal}"
        return f"exit code {self.exit_code}" if self.exit_code else ""

    def as_json(self) -> dict[str, Any]:
        """The run as `--json` and the API show it; times in RFC 3339 UTC with `Z`."""
        return {
            "id": self.id,
            "box": self.box,
            "job": self.job,
            "trigger": self.trigger.value,
            "status": self.status.value,
            "reason": self.reason,
            "scheduled_for": _shown(self.scheduled_for),
            "queued_at": _shown(self.queued_at),
            "started_at": _shown(self.started_at),
            "finished_at": _shown(self.finished_at),
            "duration_s": self.duration_s,
            "attempt": self.attempt,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "cpu_s": self.cpu_s,
            "max_rss_bytes": self.max_rss_bytes,
            "output_bytes": self.output_bytes,
            "dropped_bytes": self.dropped_bytes,
            "release": self.release,
            "origin": self.origin,
            "env": None if self.env is None else dict(self.env),
            "args": None if self.args is None else list(self.args),
            "result": None if self.result is None else dict(self.result),
        }

    def as_json_in_full(self, attempts: Sequence[Run], output_pruned_at: datetime | None) -> dict[str, Any]:
        """The same with its attempts, and when its output was let go; as `show` has it."""
        return self.as_json() | {
            "output_pruned_at": _shown(output_pruned_at),
            "attempts": [attempt.as_json() for attempt in attempts],
        }


def apply(run: Run | None, event: Event, *, box: str, release: int | None, boot_id: str | None) -> Run:
    """The run after an event of RUN_EVENTS; `run` is None when nothing is known of it yet.

    `release` and `boot_id` are those of the boot in which the event was written. Raises
    ImpossibleTransition, or ValueError when a field is absent or makes no sense.
    """
    match event.type:
        case "queued" | "skipped" | "started" if run is not None and run.started_at is not None:
            raise ImpossibleTransition(f"run {run.id} started before")
        case "queued":
            return _born(run, event, Status.QUEUED, box, release, boot_id)
        case "skipped":
            return _born(run, event, Status.SKIPPED, box, release, boot_id)
        case "started":
            return _born(run, event, Status.RUNNING, box, release, boot_id)
        case "finished":
            return _finished(run, event)
    raise ValueError(f"a {event.type} event moves no run")


def moved(run: Run | None, to: Status) -> Status:
    """`to`, if a run in its present state may go there. Raises ImpossibleTransition."""
    at = run.status if run else None
    if to not in TRANSITIONS[at]:
        raise ImpossibleTransition(f"a run cannot go from {at or 'nothing'} to {to}")
    return to


def lost(run: Run, *, at: datetime, reason: str) -> Run:
    """The run as it stands when its box died under it. It ends no earlier than it began."""
    begun = run.started_at or run.at
    return replace(run, status=moved(run, Status.LOST), finished_at=max(at, begun), reason=reason)


def end_status(data: dict[str, Any]) -> Status:
    """The end that a `finished` event tells: its `status` field, written by the agent that judged it."""
    try:
        status = STATUSES[data["status"]]
    except (KeyError, TypeError):
        raise ValueError(f"status is {data.get('status')!r}, not the end of a run") from None
    if status not in ENDS:
        raise ImpossibleTransition(f"{status} is not the end of a run")
    return status


def slot_of(event: Event) -> datetime | None:
    """The slot an event names, aware UTC. Raises ValueError."""
    text = event.data.get("scheduled_for")
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"scheduled_for is {text!r}, not a time")
    return _slot(text)


_slot = lru_cache(maxsize=1024)(parse_time)
"""Many runs share a slot, and its text is read several times for each."""


def _born(
    run: Run | None, event: Event, to: Status, box: str, release: int | None, boot_id: str | None
) -> Run:
    """The run as `queued`, `skipped` and `started` describe it. A known run keeps what it had."""
    data = event.data
    known = run if run is not None and run.status is not Status.MISSED else None
    id, job, trigger = name_of(data, "run"), name_of(data, "job"), Trigger(name_of(data, "trigger"))
    if known is not None and known.job != job:
        raise ImpossibleTransition(f"run {id} belongs to job {known.job}")
    return Run(
        id=id,
        box=box,
        job=job,
        trigger=known.trigger if known else trigger,
        status=moved(run, to),
        reason=text_of(data, "reason"),
        scheduled_for=known.scheduled_for if known else slot_of(event),
        occurrence=known.occurrence if known else whole_of(data, "occurrence") or 0,
        queued_at=_queued_at(known, event, to),
        started_at=event.t if to is Status.RUNNING else None,
        finished_at=event.t if to is Status.SKIPPED else None,
        attempt=known.attempt if known else whole_of(data, "attempt") or 1,
        release=release,
        boot_id=boot_id,
        origin=known.origin if known else _origin(data),
        env=known.env if known else _env(data),
        args=known.args if known else _args(data),
    )


def _queued_at(known: Run | None, event: Event, to: Status) -> datetime | None:
    """A run that waits on after its box's restart has waited since it was queued first."""
    if known is not None and known.queued_at is not None:
        return known.queued_at
    return event.t if to is Status.QUEUED else None


def _origin(data: dict[str, Any]) -> str | None:
    return None if data.get("origin") is None else name_of(data, "origin")


def _env(data: dict[str, Any]) -> dict[str, str] | None:
    env = data.get("env")
    if env is None:
        return None
    if not isinstance(env, dict) or not _are_texts([*env.values(), *env]):
        raise ValueError("env is no object of texts that a row can hold")
    return env


def _args(data: dict[str, Any]) -> tuple[str, ...] | None:
    args = data.get("args")
    if args is None:
        return None
    if not isinstance(args, list) or not _are_texts(args):
        raise ValueError("args is no list of texts that a row can hold")
    return tuple(args)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(text, str) for text in values) and sum(map(len, values)) <= LONGEST_PARAMETERS


def _finished(run: Run | None, event: Event) -> Run:
    """`finished` ends a run, also one that was given up as lost."""
    data = event.data
    status = moved(run, end_status(data))
    assert run is not None, "no transition leads from nothing to an end"
    # Spelled out, since `replace` asks for each field by its name, which takes longer than all of the rest.
    return Run(
        id=run.id,
        box=run.box,
        job=run.job,
        trigger=run.trigger,
        status=status,
        reason=text_of(data, "reason"),
        scheduled_for=run.scheduled_for,
        occurrence=run.occurrence,
        queued_at=run.queued_at,
        started_at=run.started_at,
        finished_at=event.t,
        duration_s=number_of(data, "duration_s"),
        attempt=run.attempt,
        exit_code=whole_of(data, "exit_code"),
        signal=whole_of(data, "signal"),
        cpu_s=number_of(data, "cpu_s"),
        max_rss_bytes=whole_of(data, "max_rss_bytes"),
        output_bytes=whole_of(data, "output_bytes") or 0,
        dropped_bytes=whole_of(data, "dropped_bytes") or 0,
        release=run.release,
        boot_id=run.boot_id,
        origin=run.origin,
        env=run.env,
        args=run.args,
        result=result_of(data.get("result")),
    )


def text_of(data: dict[str, Any], key: str) -> str | None:
    """A free text of an event, cut to what a row holds; what no database takes is replaced."""
    text = data.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"{key} is {text!r}, not a text")
    return text[:LONGEST_REASON].encode(errors="replace").decode().replace("\0", "?")


def name_of(data: dict[str, Any], key: str) -> str:
    name = data.get(key)
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"{key} is {name!r}, not a name")
    return name


def whole_of(data: dict[str, Any], key: str) -> int | None:
    number = data.get(key)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) > LARGEST_NUMBER:
        raise ValueError(f"{key} is {number!r}, not a whole number that a row can hold")
    return number


def number_of(data: dict[str, Any], key: str) -> float | None:
    number = data.get(key)
    if number is None:
        return None
    if not isinstance(number, int | float) or isinstance(number, bool) or not abs(number) <= LARGEST_NUMBER:
        raise ValueError(f"{key} is {number!r}, not a number")
    return float(number)


def _shown(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
