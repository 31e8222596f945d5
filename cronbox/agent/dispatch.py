"""Who may start, who waits in line, and who is refused; and what the history is told of it."""

from __future__ import annotations

from typing import Any

from . import catchup
from .active import Running
from .admission import Go, Hold, Refuse, Replace, Situation, Verdict, judge
from .clock import Now, utc_text
from .decisions import Cancel, Decision, Skip, Start, Wait
from .dependencies import upstream
from .history import WHOLE_BOX, History
from .request import Request, Trigger, request_fields
from .table import Job, Table
from .waiting import Line, Waiting


class Dispatch:
    """The table in force, what runs, what waits, and what holds it back."""

    def __init__(self, table: Table, history: History) -> None:
        self.table = table
        self.history = history
        self.running = Running()
        self.line = Line()
        self.draining = False
        """Nothing more is started."""

    def renew(self, table: Table, now: Now) -> list[Decision]:
        """Another table is in force. What waits goes by it from now on."""
        self.table = table
        self.history.loaded(table, now.wall)
        gone: list[Decision] = []
        for waiting in self.line.all():
            job = table.jobs.get(waiting.request.job.name)
            if job is None:
                gone.append(self._skip(waiting.request, "the crontab has no such job any more", now))
            else:
                waiting.request = waiting.request._replace(job=job)
        return gone

    def arrive(self, request: Request, now: Now, *, early: Hold | None = None) -> list[Decision]:
        """A new request: it starts, waits in line, or is refused."""
        waiting = Waiting(request, early)
        decisions, settled = self._settle(waiting, now)
        return decisions if settled else [*decisions, *self._line_up(waiting, now)]

    def enqueue(self, request: Request, early: Hold, now: Now) -> list[Decision]:
        """Put it in line, where it is not judged before its time."""
        return self._line_up(Waiting(request, early), now)

    def look_again(self, now: Now) -> list[Decision]:
        """Everybody in line is judged again, first come first served; again, if others hung on an answer."""
        decisions: list[Decision] = []
        again = not self.draining and bool(self.line)
        while again:
            again = False
            for waiting in self.line.all():
                replaced = self.line.find(waiting.request.run) is None
                if replaced or (waiting.hold.crowded and self._full(waiting.request)):
                    continue
                more, settled = self._settle(waiting, now)
                decisions += more
                if settled:
                    self.line.remove(waiting.request.run)
                    again = True
        return decisions

    def cancel(self, run: str, reason: str, now: Now) -> Cancel | None:
        """Take a waiting run out of the line; None if it is not in it."""
        waiting = self.line.remove(run)
        if waiting is None:
            return None
        self.note("finished", {"run": run, "status": "killed"}, now)
        return Cancel(waiting.request, reason)

    def note(self, kind: str, fields: dict[str, Any], now: Now) -> None:
        """Tell the history."""
        self.history.take(kind, fields, utc_text(int(now.wall * 1e9)))

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
                if any(run in self.running for run in runs):
                    return cleared, False
                more, settled = self._settle(waiting, now)
                return cleared + more, settled

    def _judge(self, waiting: Waiting, now: Now) -> Verdict:
        request = waiting.request
        job = request.job
        running = self.running.of_job(job.name)
        same = [other for other in self.line.of_job(job.name) if other is not waiting]
        earlier = self.line.before(waiting, same)
        others = [*running, *(other.request for other in same)]
        situation = Situation(
            draining=self.draining,
            held=self._held(job, now.wall),
            early=waiting.early if waiting.is_early(now) else None,
            upstream=upstream(request, self.table, self.history, now),
            running=tuple(other.run for other in running),
            retrying=tuple(w.request.run for w in same if w.retries),
            ahead=tuple(w.request.run for w in earlier if not w.retries and not w.is_early(now)),
            catching_up=job.catchup.mode == "all" and any(o.trigger is Trigger.CATCHUP for o in others),
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
        """The limit that leaves no place for it."""
        most = self.table.max_running
        if most is not None and len(self.running) >= most:
            return f"max_running: {len(self.running)} of {most} run"
        group = request.job.group
        if group in self.table.groups:
            inside = self.running.count(lambda other: other.job.group == group)
            if inside >= self.table.groups[group]:
                return f"group {group}: {inside} of {self.table.groups[group]} run"
        if request.trigger is Trigger.CATCHUP:
            inside = self.running.count(lambda other: other.trigger is Trigger.CATCHUP)
            if inside >= catchup.AT_ONCE:
                return f"catch-up: {inside} of {catchup.AT_ONCE} run"
        return None

    def _start(self, request: Request, now: Now) -> Start:
        self.running.start(request, now)
        last_success = self.history.past(request.job).last_success
        self.note("started", request_fields(request), now)
        return Start(request, last_success)

    def _skip(self, request: Request, reason: str, now: Now) -> Skip:
        self.line.remove(request.run)
        self.note("skipped", request_fields(request), now)
        return Skip(request, reason)

    def _line_up(self, waiting: Waiting, now: Now) -> list[Decision]:
        self.line.add(waiting)
        until = waiting.hold.until
        due = None if until is None else now.wall + until - now.mono
        self.note("queued", {**request_fields(waiting.request), "due": due}, now)
        return [Wait(waiting.request, waiting.hold.reason, due)]

    def _clear_the_way(self, runs: tuple[str, ...], reason: str, now: Now) -> list[Decision]:
        decisions: list[Decision] = []
        for run in runs:
            if run in self.running:
                decisions += self.running.stop(run, "killed", reason, now)
            elif (waiting := self.line.find(run)) is not None:
                decisions.append(self._skip(waiting.request, reason, now))
        return decisions
