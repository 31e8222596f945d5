"""What the agent decides, as data. Pure: events and the time come in, decisions go out.

`serve` carries the decisions out in their order. The rooms beside this one hold the rules: `dispatch` says
who may start, by `admission`, `dependencies` and `windows`; `active` knows what goes on; `retries` and
`catchup` what is run again or later; `slots` for which minute cron has called; `history` what became of it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from . import catchup
from .admission import Hold
from .clock import Now
from .commands import BadCommand, pause_of, request_from, text_of
from .decisions import Decision, Quit, Say
from .dispatch import Dispatch
from .history import WHOLE_BOX, History
from .request import Request, Trigger, request_of
from .retries import delay_before, is_retried
from .schedule import MINUTE
from .slots import Slots
from .state import new_id
from .table import Job, Table
from .waiting import Waiting

RUNS_REMEMBERED = 10_000
"""Ids of asked-for runs that are remembered, so that a command that comes twice acts once."""


class Core:
    """One life of the box, from its boot to its end."""

    def __init__(self, table: Table, history: History, *, since: float) -> None:
        """`since`: epoch seconds of the box's start."""
        self._dispatch = Dispatch(table, history)
        self._slots = Slots(since)
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._last_tick: int | None = None
        self._grace_ends: float | None = None
        self._ending = False
        self._booted = self._begun = False

    @property
    def table(self) -> Table:
        return self._dispatch.table

    @property
    def history(self) -> History:
        return self._dispatch.history

    @property
    def draining(self) -> bool:
        """Nothing more is started."""
        return self._dispatch.draining

    def waiting(self) -> list[Waiting]:
        """The queue, in its order."""
        return self._dispatch.line.all()

    # What comes in

    def loaded(self, table: Table, now: Now) -> list[Decision]:
        """Another table is in force.

        A box that was made anew gets its first one after its boot; only then does its life begin.
        """
        return self._dispatch.renew(table, now) + self._begin(now) + self._dispatch.look_again(now)

    def booted(self, now: Now) -> list[Decision]:
        """The box has started."""
        self._dispatch.note("boot", {}, now)
        self._booted = True
        return self._begin(now) + self._dispatch.look_again(now)

    def cron_begins(self, now: Now) -> None:
        """Another cron was started."""
        self._slots.begins(now.wall)

    def tick(self, digest: str, now: Now) -> list[Decision]:
        """cron's sign of life."""
        self._slots.heard(now.wall)
        minute = int(now.wall // MINUTE)
        if minute == self._last_tick:
            return []
        self._last_tick = minute
        return [Say("tick", {"digest": digest})]

    def due(self, names: tuple[str, ...], now: Now) -> list[Decision]:
        """cron says that these jobs are due."""
        self._slots.heard(now.wall)
        decisions = [decision for name in names for decision in self._due(name, now)]
        return decisions + self._dispatch.look_again(now)

    def command(self, verb: str, fields: dict[str, Any], now: Now) -> list[Decision]:
        """A command from outside. Raises BadCommand."""
        match verb:
            case "run":
                return self._run(fields, now)
            case "kill":
                return self._kill(fields, now)
            case "pause":
                return self._pause(fields, now)
            case "resume":
                return self._resume(fields, now)
            case "drain":
                return self._drain()
            case _:
                raise BadCommand(f"unknown command {verb!r}")

    def exited(self, run: str, status: str, code: int | None, now: Now) -> list[Decision]:
        """A run has come to its end, as `finished` tells it; `code` is its exit code, if it has one."""
        active = self._dispatch.running.end(run)
        if active is None:
            return []
        self._dispatch.note("finished", {"run": run, "status": status}, now)
        end = "lost" if active.cut_off else status
        again = self._retry(active.request, end, code, now)
        return again + self._dispatch.look_again(now) + self._quit_when_idle()

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
            decisions += self._dispatch.running.cut_off(now)
        decisions += self._dispatch.running.passed(now)
        decisions += self._catch_up_with_cron(now)
        if self._dispatch.line.due(now):
            decisions += self._dispatch.look_again(now)
        return decisions

    def next_deadline(self, now: Now) -> float | None:
        """When `passed` has something to do, on the monotonic clock."""
        moments = [self._dispatch.running.next_deadline()]
        if not self._ending:
            moments.append(self._grace_ends)
        if not self.draining:
            settles = self._slots.gap_settles
            moments.append(self._dispatch.line.next_look())
            moments.append(None if settles is None else now.mono + settles - now.wall)
        return min((moment for moment in moments if moment is not None), default=None)

    # How a life begins, and how it ends

    def _begin(self, now: Now) -> list[Decision]:
        """Once, when the box has booted and has a table: what waited waits on, what was cut off is tried
        again, what was missed is caught up with, and every @reboot job is due."""
        if self._begun or not self._booted or not self.table.digest:
            return []
        self._begun = True
        left_open = list(self.history.open.values())
        decisions = [decision for fields in left_open for decision in self._take_up(fields, now)]
        for job in self.table.jobs.values():
            past = self.history.past(job)
            after = past.since if past.last_slot is None else float(past.last_slot)
            decisions += self._catch_up(job, after, now.wall, now)
        for job in self.table.jobs.values():
            if job.schedule is None:
                decisions += self._dispatch.arrive(Request(new_id(), job, Trigger.REBOOT), now)
        return decisions

    def _take_up(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        """A run that an earlier life of the box left open."""
        lost = fields["status"] != "queued"
        job = self.table.jobs.get(fields["job"])
        if lost or job is None:
            del self.history.open[fields["run"]]
        if job is None:
            return []
        request = request_of(fields, job)
        if lost:
            return self._retry(request, "lost", None, now)
        due = fields.get("due")
        wait = 0.0 if due is None else max(0.0, due - now.wall)
        early = Hold("waits on after the box's restart", now.mono + wait)
        return self._dispatch.enqueue(request, early, now)

    def _drain(self) -> list[Decision]:
        """Start nothing more. Only SIGTERM also ends the agent, as an engine would start a box that ended by
        itself anew. What waits is kept for the next life of the box."""
        running = len(self._dispatch.running)
        said: list[Decision] = [] if self.draining else [Say("draining", {"running": running})]
        self._dispatch.draining = True
        return said + self._quit_when_idle()

    def _quit_when_idle(self) -> list[Decision]:
        idle = self._grace_ends is not None and not self._dispatch.running
        return [Quit("SIGTERM")] if idle else []

    # How a run is asked for: by cron, again, later, by a person

    def _due(self, name: str, now: Now) -> list[Decision]:
        job = self.table.jobs.get(name)
        if job is None:
            return [Say("unknown_job", {"job": name})]
        slot, occurrence = self._slots.take(name, job.schedule, now.wall)
        request = Request(new_id(), job, Trigger.CRON, slot, occurrence)
        wait = slot + job.delay - now.wall
        early = Hold("jitter", now.mono + wait) if job.delay and wait > 0 else None
        return self._dispatch.arrive(request, now, early=early)

    def _retry(self, request: Request, status: str, code: int | None, now: Now) -> list[Decision]:
        job = self.table.jobs.get(request.job.name)
        if job is None or request.trigger is Trigger.MANUAL:
            return []
        if not is_retried(request, job.retries, status, code):
            return []
        attempt, origin = request.attempt + 1, request.origin or request.run
        again = request._replace(run=new_id(), job=job, trigger=Trigger.RETRY, attempt=attempt, origin=origin)
        wait = delay_before(job.retries, attempt, again.run)
        words = f"exit code {code}" if status == "failed" and code is not None else status.replace("_", " ")
        early = Hold(f"retry in {wait:.0f} s after {words}", now.mono + wait)
        return self._dispatch.enqueue(again, early, now)

    def _catch_up_with_cron(self, now: Now) -> list[Decision]:
        """cron was not heard for a while, and has by now started all that it makes up for itself."""
        gap = None if self.draining else self._slots.settled_gap(now.wall)
        if gap is None:
            return []
        decisions: list[Decision] = []
        for job in self.table.jobs.values():
            decisions += self._catch_up(job, gap.after * MINUTE, gap.last * MINUTE, now)
        return decisions + self._dispatch.look_again(now)

    def _catch_up(self, job: Job, after: float, until: float, now: Now) -> list[Decision]:
        def free(slot: int) -> bool:
            return self._slots.claim(job.name, slot)

        slots, beyond = catchup.owed(job, self.history.past(job), after=after, until=until, free=free)
        decisions: list[Decision] = []
        if beyond:
            decisions.append(Say("catchup_limited", {"job": job.name, "left_out": beyond}))
        for slot in slots:
            decisions += self._dispatch.arrive(Request(new_id(), job, Trigger.CATCHUP, slot), now)
        return decisions

    def _run(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        run, name = text_of(fields, "run"), text_of(fields, "job")
        if run in self._asked:
            return []
        job = self.table.jobs.get(name)
        request = None if job is None else request_from(fields, job)
        self._asked[run] = None
        if len(self._asked) > RUNS_REMEMBERED:
            self._asked.popitem(last=False)
        if request is None:
            return [Say("unknown_job", {"job": name, "run": run})]
        if request.slot is not None:
            self._slots.claim(name, request.slot)
        return self._dispatch.arrive(request, now) + self._dispatch.look_again(now)

    # What a person wants of runs and schedules

    def _kill(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        run, reason = text_of(fields, "run"), f"killed by {fields.get('by') or 'somebody'}"
        if run in self._dispatch.running:
            return self._dispatch.running.stop(run, "killed", reason, now)
        cancelled = self._dispatch.cancel(run, reason, now)
        if cancelled is None:
            raise BadCommand(f"run {run} is not running")
        return [cancelled, *self._dispatch.look_again(now)]

    def _pause(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        told = pause_of(fields, self._job_or_box(fields))
        self._dispatch.note("paused", told, now)
        return [Say("paused", told), *self._dispatch.look_again(now)]

    def _resume(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        told = {"job": self._job_or_box(fields) or None, "by": str(fields.get("by") or "")}
        self._dispatch.note("resumed", told, now)
        return [Say("resumed", told)]

    def _job_or_box(self, fields: dict[str, Any]) -> str:
        if fields.get("job") is None:
            return WHOLE_BOX
        name = text_of(fields, "job")
        if name not in self.table.jobs and name not in self.history.pauses:
            raise BadCommand(f"unknown job {name!r}")
        return name
