"""What the agent decides, as data. Pure: events and the time come in, decisions go out.

`serve` carries the decisions out in their order. The rooms beside this one hold the rules: `admission` says
whether a run may start, `retries`, `catchup`, `dependencies` and `windows` what their names say, `slots` for
which minute cron has called, and `history` what has become of it all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from . import catchup
from .admission import Go, Hold, Refuse, Replace, Situation, Verdict, judge
from .clock import Now, utc_text
from .commands import BadCommand, pause_of, request_from, text_of
from .decisions import Cancel, Decision, Kill, Quit, Say, Skip, Start, Stop, Wait
from .dependencies import upstream
from .history import WHOLE_BOX, History
from .request import Request, Trigger, request_fields, request_of
from .retries import delay_before, is_retried
from .slots import Slots
from .state import new_id
from .table import Job, Table
from .waiting import Line, Waiting

RUNS_REMEMBERED = 10_000
"""Ids of asked-for runs that are remembered, so that a command that comes twice acts once."""
END_KILL_AFTER = 5.0
"""The most that a job gets between SIGTERM and SIGKILL when the box stops."""


class _Active:
    """A run that goes on. `deadline` is when its time is up, or, once it is told to end, its patience."""

    __slots__ = ("cut_off", "deadline", "request", "stopping")

    def __init__(self, request: Request, deadline: float | None) -> None:
        self.request = request
        self.deadline = deadline
        self.stopping = False
        self.cut_off = False
        """It was told to end because the box stops, for no fault of its own."""


class Core:
    """The table in force, what runs, what waits, and what holds it back."""

    def __init__(self, table: Table, history: History, *, since: float) -> None:
        """`since`: epoch seconds of the box's start."""
        self.table = table
        self.history = history
        self.draining = False
        """Nothing more is started."""
        self._slots = Slots(since)
        self._active: dict[str, _Active] = {}
        self._line = Line()
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._last_tick: int | None = None
        self._grace_ends: float | None = None
        self._ending = False
        self._booted = self._begun = False

    # What comes in

    def loaded(self, table: Table, now: Now) -> list[Decision]:
        """Another table is in force. What waits goes by it from now on.

        A box that was made anew gets its first one after its boot; only then does its life begin.
        """
        self.table = table
        self.history.loaded(table, now.wall)
        gone: list[Decision] = []
        for waiting in self._line.all():
            job = table.jobs.get(waiting.request.job.name)
            if job is None:
                gone.append(self._skip(waiting.request, "the crontab has no such job any more", now))
            else:
                waiting.request = waiting.request._replace(job=job)
        return gone + self._begin(now) + self._look_again(now)

    def booted(self, now: Now) -> list[Decision]:
        """The box has started."""
        self._note("boot", {}, now)
        self._booted = True
        return self._begin(now) + self._look_again(now)

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
        decisions = [decision for name in names for decision in self._due(name, now)]
        return decisions + self._look_again(now)

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
        active = self._active.pop(run, None)
        if active is None:
            return []
        self._note("finished", {"run": run, "status": status}, now)
        end = "lost" if active.cut_off else status
        return self._retry(active.request, end, code, now) + self._look_again(now) + self._quit_when_idle()

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
                active.cut_off = not active.stopping
                decisions += self._stop(active, "killed", "the box stopped", now)
        for active in self._active.values():
            if active.deadline is not None and active.deadline <= now.mono:
                decisions += self._time_up(active, now)
        decisions += self._catch_up_with_cron(now)
        if self._line.due(now):
            decisions += self._look_again(now)
        return decisions

    def next_deadline(self, now: Now) -> float | None:
        """When `passed` has something to do, on the monotonic clock."""
        moments = [active.deadline for active in self._active.values()]
        if self._grace_ends is not None and not self._ending:
            moments.append(self._grace_ends)
        if not self.draining:
            settles = self._slots.gap_settles
            moments += [self._line.next_look(), None if settles is None else now.mono + settles - now.wall]
        return min((moment for moment in moments if moment is not None), default=None)

    def waiting(self) -> list[Waiting]:
        """The queue, in its order."""
        return self._line.all()

    # How a run begins

    def _due(self, name: str, now: Now) -> list[Decision]:
        job = self.table.jobs.get(name)
        if job is None:
            return [Say("unknown_job", {"job": name})]
        slot, occurrence = self._slots.take(name, job.schedule, now.wall)
        request = Request(new_id(), job, Trigger.CRON, slot, occurrence)
        wait = slot + job.delay - now.wall
        if job.delay and wait > 0:
            return self._arrive(request, now, early=Hold("jitter", now.mono + wait))
        return self._arrive(request, now)

    def _arrive(self, request: Request, now: Now, *, early: Hold | None = None) -> list[Decision]:
        """A new request: it starts, waits in line, or is refused."""
        waiting = Waiting(request, early)
        decisions, settled = self._settle(waiting, now)
        if settled:
            return decisions
        self._line.add(waiting)
        return [*decisions, self._wait(waiting, now)]

    def _settle(self, waiting: Waiting, now: Now) -> tuple[list[Decision], bool]:
        """Judge it -> what follows, and whether it is in line no more."""
        request = waiting.request
        match self._judge(waiting, now):
            case Go():
                return [self._start(request, now)], True
            case Refuse(reason):
                return [self._skip(request, reason, now)], True
            case Hold() as hold:
                waiting.hold = hold
                return [], False
            case Replace(runs):
                waiting.hold = Hold(f"replaces run {runs[0]}")
                cleared = self._clear_the_way(runs, f"replaced by run {request.run}", now)
                if any(run in self._active for run in runs):
                    return cleared, False
                more, settled = self._settle(waiting, now)
                return cleared + more, settled

    def _judge(self, waiting: Waiting, now: Now) -> Verdict:
        request = waiting.request
        job = request.job
        same = [other for other in self._line.of_job(job.name) if other is not waiting]
        earlier = self._line.before(waiting, same)
        situation = Situation(
            draining=self.draining,
            held=self._held(job, now.wall),
            early=waiting.early if waiting.is_early(now) else None,
            upstream=upstream(request, self.table, self.history, now),
            running=tuple(run for run, active in self._active.items() if active.request.job.name == job.name),
            retrying=tuple(w.request.run for w in same if w.retries),
            ahead=tuple(w.request.run for w in earlier if not w.retries and not w.is_early(now)),
            catching_up=job.catchup.mode == "all" and self._catches_up(job.name, same),
            full=self._full(request),
        )
        return judge(request, situation)

    def _held(self, job: Job, wall: float) -> str | None:
        """Why nothing starts this job by its schedule at present."""
        if job.paused:
            return "paused: by its crontab"
        for key in (job.name, WHOLE_BOX):
            pause = self.history.pauses.get(key)
            if pause and (pause.until is None or wall < pause.until):
                return f"paused: {pause.why or 'no reason given'}"
        for window in self.table.windows:
            if window.holds(job.name, wall):
                return f"maintenance: {window.why or 'no reason given'}"
        return None

    def _full(self, request: Request) -> str | None:
        """The limit that leaves no place for it. Counted anew each time, so that no place can leak."""
        most = self.table.max_running
        if most is not None and len(self._active) >= most:
            return f"max_running: {len(self._active)} of {most} run"
        group = request.job.group
        if group in self.table.groups:
            inside = self._count(lambda other: other.job.group == group)
            if inside >= self.table.groups[group]:
                return f"group {group}: {inside} of {self.table.groups[group]} run"
        if request.trigger is Trigger.CATCHUP:
            inside = self._count(lambda other: other.trigger is Trigger.CATCHUP)
            if inside >= catchup.AT_ONCE:
                return f"catch-up: {inside} of {catchup.AT_ONCE} run"
        return None

    def _count(self, which: Callable[[Request], bool]) -> int:
        return sum(1 for active in self._active.values() if which(active.request))

    def _catches_up(self, job: str, same: list[Waiting]) -> bool:
        requests = [waiting.request for waiting in same]
        requests += [a.request for a in self._active.values() if a.request.job.name == job]
        return any(request.trigger is Trigger.CATCHUP for request in requests)

    def _start(self, request: Request, now: Now) -> Start:
        timeout = request.job.timeout
        self._active[request.run] = _Active(request, None if timeout is None else now.mono + timeout)
        last_success = self.history.past(request.job).last_success
        self._note("started", request_fields(request), now)
        return Start(request, last_success)

    def _skip(self, request: Request, reason: str, now: Now) -> Skip:
        self._line.remove(request.run)
        self._note("skipped", request_fields(request), now)
        return Skip(request, reason)

    def _wait(self, waiting: Waiting, now: Now) -> Wait:
        until = waiting.hold.until
        due = None if until is None else now.wall + until - now.mono
        self._note("queued", {**request_fields(waiting.request), "due": due}, now)
        return Wait(waiting.request, waiting.hold.reason, due)

    def _look_again(self, now: Now) -> list[Decision]:
        """Everybody in line is judged again, first come first served; again, if others hung on an answer."""
        decisions: list[Decision] = []
        again = not self.draining and bool(self._line)
        while again:
            again = False
            for waiting in self._line.all():
                replaced = self._line.find(waiting.request.run) is None
                if replaced or (waiting.hold.crowded and self._full(waiting.request)):
                    continue
                more, settled = self._settle(waiting, now)
                decisions += more
                if settled:
                    self._line.remove(waiting.request.run)
                    again = True
        return decisions

    def _note(self, kind: str, fields: dict[str, Any], now: Now) -> None:
        self.history.take(kind, fields, utc_text(int(now.wall * 1e9)))

    # How a life begins

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
                decisions += self._arrive(Request(new_id(), job, Trigger.REBOOT), now)
        return decisions

    # How a run is tried again, or made up for

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
        return self._enqueue(again, Hold(f"retry in {wait:.0f} s after {words}", now.mono + wait), now)

    def _enqueue(self, request: Request, early: Hold, now: Now) -> list[Decision]:
        """Put it in line, where it is not judged before its time."""
        waiting = Waiting(request, early)
        self._line.add(waiting)
        return [self._wait(waiting, now)]

    def _take_up(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        """A run that an earlier life of the box left open."""
        lost = fields["status"] != "queued"
        if lost:
            del self.history.open[fields["run"]]
        job = self.table.jobs.get(fields["job"])
        if job is None:
            self.history.open.pop(fields["run"], None)
            return []
        request = request_of(fields, job)
        if lost:
            return self._retry(request, "lost", None, now)
        due = fields.get("due")
        wait = 0.0 if due is None else max(0.0, due - now.wall)
        return self._enqueue(request, Hold("waits on after the box's restart", now.mono + wait), now)

    def _catch_up_with_cron(self, now: Now) -> list[Decision]:
        """cron was not heard for a while, and has by now started all that it makes up for itself."""
        gap = None if self.draining else self._slots.settled_gap(now.wall)
        if gap is None:
            return []
        decisions: list[Decision] = []
        for job in self.table.jobs.values():
            decisions += self._catch_up(job, gap.after * 60, gap.last * 60, now)
        return decisions + self._look_again(now)

    def _catch_up(self, job: Job, after: float, until: float, now: Now) -> list[Decision]:
        def free(slot: int) -> bool:
            return self._slots.claim(job.name, slot)

        slots, beyond = catchup.owed(job, self.history.past(job), after=after, until=until, free=free)
        decisions: list[Decision] = []
        if beyond:
            decisions.append(Say("catchup_limited", {"job": job.name, "left_out": beyond}))
        for slot in slots:
            decisions += self._arrive(Request(new_id(), job, Trigger.CATCHUP, slot), now)
        return decisions

    # Commands

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
        return self._arrive(request, now) + self._look_again(now)

    def _kill(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        run, reason = text_of(fields, "run"), f"killed by {fields.get('by') or 'somebody'}"
        active = self._active.get(run)
        if active is not None:
            return self._stop(active, "killed", reason, now)
        waiting = self._line.remove(run)
        if waiting is None:
            raise BadCommand(f"run {run} is not running")
        self._note("finished", {"run": run, "status": "killed"}, now)
        return [Cancel(waiting.request, reason), *self._look_again(now)]

    def _pause(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        told = pause_of(fields, self._job_or_box(fields))
        self._note("paused", told, now)
        return [Say("paused", told), *self._look_again(now)]

    def _resume(self, fields: dict[str, Any], now: Now) -> list[Decision]:
        told = {"job": self._job_or_box(fields) or None, "by": str(fields.get("by") or "")}
        self._note("resumed", told, now)
        return [Say("resumed", told)]

    def _job_or_box(self, fields: dict[str, Any]) -> str:
        if fields.get("job") is None:
            return WHOLE_BOX
        name = text_of(fields, "job")
        if name not in self.table.jobs and name not in self.history.pauses:
            raise BadCommand(f"unknown job {name!r}")
        return name

    # How a run ends

    def _clear_the_way(self, runs: tuple[str, ...], reason: str, now: Now) -> list[Decision]:
        decisions: list[Decision] = []
        for run in runs:
            if (active := self._active.get(run)) is not None:
                decisions += self._stop(active, "killed", reason, now)
            elif (waiting := self._line.find(run)) is not None:
                decisions.append(self._skip(waiting.request, reason, now))
        return decisions

    def _drain(self) -> list[Decision]:
        """Start nothing more. Only SIGTERM also ends the agent, as an engine would start a box that ended by
        itself anew. What waits is kept for the next life of the box."""
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
