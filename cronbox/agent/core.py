"""What the agent decides, as data. Pure: events and the time come in, decisions go out.

`serve` carries the decisions out in their order.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from .clock import epoch_seconds
from .policy import Request, Situation, Trigger, refusal
from .slots import Slots
from .state import WHOLE_BOX, Pause, new_id
from .table import Job, Table

RUNS_REMEMBERED = 10_000
"""Ids of asked-for runs that are remembered, so that a command that comes twice acts once."""
END_KILL_AFTER = 5.0
"""The most that a job gets between SIGTERM and SIGKILL when the box stops."""


class Now(NamedTuple):
    """One moment on both clocks, in seconds: since the epoch, and monotonic."""

    wall: float
    mono: float


class Start(NamedTuple):
    request: Request


class Skip(NamedTuple):
    request: Request
    reason: str


class Stop(NamedTuple):
    """End this run with SIGTERM; `status` and `reason` are what its end shall say."""

    run: str
    status: str
    reason: str


class Kill(NamedTuple):
    """SIGTERM was not enough for this run."""

    run: str


class Say(NamedTuple):
    """Write an event."""

    kind: str
    fields: dict[str, Any]


class SavePauses(NamedTuple):
    """The pauses have changed."""


class Quit(NamedTuple):
    """Nothing runs any more, and nothing shall."""

    reason: str


Decision = Start | Skip | Stop | Kill | Say | SavePauses | Quit


class BadCommand(Exception):
    """A command cannot be carried out; the text says why."""


class _Active:
    """A run that goes on. `deadline` is when its time is up, or, once it is told to end, its patience."""

    __slots__ = ("deadline", "request", "stopping")

    def __init__(self, request: Request, deadline: float | None) -> None:
        self.request = request
        self.deadline = deadline
        self.stopping = False


class Core:
    """The table in force, what runs, and what holds it back."""

    def __init__(self, table: Table, pauses: dict[str, Pause], *, since: float) -> None:
        """`since`: epoch seconds of the box's start."""
        self.table = table
        self.pauses = pauses
        self.draining = False
        """Nothing more is started."""
        self._slots = Slots(since)
        self._active: dict[str, _Active] = {}
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._last_tick: int | None = None
        self._grace_ends: float | None = None
        self._ending = False

    def tick(self, digest: str, now: Now) -> list[Decision]:
        """cron's sign of life."""
        self._slots.heard(now.wall)
        minute = int(now.wall // 60)
        if minute == self._last_tick:
            return []
        self._last_tick = minute
        return [Say("tick", {"digest": digest})]

    def due(self, names: tuple[str, ...], now: Now) -> list[Decision]:
        """cron says that these jobs are due."""
        self._slots.heard(now.wall)
        return [decision for name in names for decision in self._due(name, now)]

    def rebooted(self, now: Now) -> list[Decision]:
        """The box has started: every @reboot job is due."""
        jobs = [job for job in self.table.jobs.values() if job.schedule is None]
        return [self._admit(Request(new_id(), job, Trigger.REBOOT), now) for job in jobs]

    def command(self, verb: str, fields: dict[str, Any], now: Now) -> list[Decision]:
        """A command from outside. Raises BadCommand."""
        match verb:
            case "run":
                return self._run(fields, now)
            case "kill":
                return self._kill(fields, now)
            case "pause":
                return self._pause(fields)
            case "resume":
                return self._resume(fields)
            case "drain":
                return self._drain()
            case _:
                raise BadCommand(f"unknown command {verb!r}")

    def exited(self, run: str) -> list[Decision]:
        """A run has come to its end."""
        self._active.pop(run, None)
        return self._quit_when_idle()

    def terminate(self, now: Now) -> list[Decision]:
        """SIGTERM came. Running jobs get the box's grace; a second SIGTERM ends that."""
        if self._grace_ends is not None:
            self._grace_ends = now.mono
            return []
        self._grace_ends = now.mono + self.table.stop_grace
        return self._drain()

    def passed(self, now: Now) -> list[Decision]:
        """Act on every deadline that has passed."""
        decisions: list[Decision] = []
        if self._grace_ends is not None and self._grace_ends <= now.mono and not self._ending:
            self._ending = True
            for active in self._active.values():
                decisions += self._stop(active, "killed", "the box stopped", now)
        for active in self._active.values():
            if active.deadline is not None and active.deadline <= now.mono:
                decisions += self._time_up(active, now)
        return decisions

    def next_deadline(self) -> float | None:
        """When `passed` has something to do, on the monotonic clock."""
        deadlines = [active.deadline for active in self._active.values() if active.deadline is not None]
        if self._grace_ends is not None and not self._ending:
            deadlines.append(self._grace_ends)
        return min(deadlines, default=None)

    def _due(self, name: str, now: Now) -> list[Decision]:
        job = self.table.jobs.get(name)
        if job is None:
            return [Say("unknown_job", {"job": name})]
        slot, occurrence = self._slots.take(name, job.schedule, now.wall)
        return [self._admit(Request(new_id(), job, Trigger.CRON, slot, occurrence), now)]

    def _admit(self, request: Request, now: Now) -> Decision:
        running = tuple(run for run, a in self._active.items() if a.request.job.name == request.job.name)
        situation = Situation(now.wall, self.draining, self.pauses, running)
        reason = refusal(request, situation)
        if reason is not None:
            return Skip(request, reason)
        timeout = request.job.timeout
        self._active[request.run] = _Active(request, None if timeout is None else now.mono + timeout)
        return Start(request)

    def _run(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        run, name = _text(fields, "run"), _text(fields, "job")
        if run in self._asked:
            return []
        self._asked[run] = None
        if len(self._asked) > RUNS_REMEMBERED:
            self._asked.popitem(last=False)
        job = self.table.jobs.get(name)
        if job is None:
            return [Say("unknown_job", {"job": name, "run": run})]
        return [self._admit(Request(run, job, Trigger.MANUAL), now)]

    def _kill(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        run = _text(fields, "run")
        active = self._active.get(run)
        if active is None:
            raise BadCommand(f"run {run} is not running")
        return self._stop(active, "killed", f"killed by {fields.get('by') or 'somebody'}", now)

    def _pause(self, fields: dict[str, Any]) -> list[Decision]:
        job, until = self._job_or_box(fields), fields.get("until")
        try:
            ends = None if until is None else epoch_seconds(until)
        except (TypeError, ValueError) as error:
            raise BadCommand(f"until: {error}") from error
        why, by = str(fields.get("why") or ""), str(fields.get("by") or "")
        self.pauses[job] = Pause(ends, why, by)
        return [SavePauses(), Say("paused", {"job": job or None, "until": until, "why": why, "by": by})]

    def _resume(self, fields: dict[str, Any]) -> list[Decision]:
        job = self._job_or_box(fields)
        self.pauses.pop(job, None)
        return [SavePauses(), Say("resumed", {"job": job or None, "by": str(fields.get("by") or "")})]

    def _job_or_box(self, fields: dict[str, Any]) -> str:
        if fields.get("job") is None:
            return WHOLE_BOX
        name = _text(fields, "job")
        if name not in self.table.jobs and name not in self.pauses:
            raise BadCommand(f"unknown job {name!r}")
        return name

    def _drain(self) -> list[Decision]:
        """Start nothing more. Only SIGTERM also ends the agent, as an engine would start a box that ended by
        itself anew."""
        said: list[Decision] = [] if self.draining else [Say("draining", {"running": len(self._active)})]
        self.draining = True
        return said + self._quit_when_idle()

    def _quit_when_idle(self) -> list[Decision]:
        return [Quit("SIGTERM")] if self._grace_ends is not None and not self._active else []

    def _stop(self, active: _Active, status: str, reason: str, now: Now) -> list[Decision]:
        patience = self._patience(active.request.job)
        if active.stopping:
            if self._ending and active.deadline is not None:
                active.deadline = min(active.deadline, now.mono + patience)
            return []
        active.stopping = True
        active.deadline = now.mono + patience
        return [Stop(active.request.run, status, reason)]

    def _patience(self, job: Job) -> float:
        return min(job.kill_after, END_KILL_AFTER) if self._ending else job.kill_after

    def _time_up(self, active: _Active, now: Now) -> list[Decision]:
        if not active.stopping:
            return self._stop(active, "timed_out", f"timeout after {active.request.job.timeout:g} s", now)
        active.deadline = None
        return [Kill(active.request.run)]


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise BadCommand(f"{key!r} is missing or not a string")
    return value
