"""A box in a test: the agent's core, with processes that end when the test says so, on a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cronbox.agent.clock import Now, utc_text
from cronbox.agent.core import Core
from cronbox.agent.decisions import Cancel, Decision, Kill, Quit, Say, Skip, Start, Stop, Wait
from cronbox.agent.execution import never_ran
from cronbox.agent.history import History, as_raw, from_raw
from cronbox.agent.request import Request, request_fields
from cronbox.agent.table import Job, Table

MORNING = 1_795_428_000
"""2026-11-23 10:00:00 UTC."""


class Life:
    """Carries decisions out as `serve` does. `events` is the log of all its boots."""

    def __init__(self, *jobs: Job, **table: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.running: dict[str, Start] = {}
        self.stopping: dict[str, Stop] = {}
        self.killed: list[str] = []
        self.over = False
        self._wall, self._mono = MORNING - 300.0, 0.0
        self._snapshot, self._snapshot_at = as_raw(History()), 0
        self.table = a_table(*jobs, **table)
        self.core = self._born(History())
        self.pass_time(300)

    @property
    def now(self) -> Now:
        return Now(self._wall, self._mono)

    # What happens to it

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and every deadline in it be met at its moment."""
        until = self._mono + seconds
        while (due := self.core.next_deadline(self.now)) is not None and due <= until:
            self._wall, self._mono = self._wall + max(0.0, due - self._mono), max(due, self._mono)
            before = len(self.events), dict(self.stopping)
            self.carry_out(self.core.passed(self.now))
            if (len(self.events), self.stopping) == before and self.core.next_deadline(self.now) == due:
                break  # what is due needs something else to happen
        self._wall, self._mono = self._wall + max(0.0, until - self._mono), max(until, self._mono)
        self.carry_out(self.core.passed(self.now))

    def set_clock(self, wall: float) -> None:
        self._wall = wall

    def due(self, *names: str) -> None:
        self.carry_out(self.core.due(names, self.now))

    def command(self, verb: str, **fields: Any) -> None:
        self.carry_out(self.core.command(verb, fields, self.now))

    def end(self, run: str, code: int | None = 0, status: str | None = None) -> None:
        """A run's process ends by itself, or because it was told to."""
        told = self.stopping.pop(run, None)
        start = self.running.pop(run)
        ok = code in start.request.job.ok_codes
        status = told.status if told else status or ("succeeded" if ok else "failed")
        fields = never_ran(start.request, status, told.reason if told else None)
        self._write("finished", {**fields, "exit_code": code})
        self.carry_out(self.core.exited(run, status, code, self.now))

    def load(self, *jobs: Job, **table: Any) -> None:
        """Another crontab is installed."""
        self.table = a_table(*jobs, **table)
        self.carry_out(self.core.loaded(self.table, self.now))

    def terminate(self) -> None:
        self.carry_out(self.core.terminate(self.now))

    def take_snapshot(self) -> None:
        """As the keeper does now and then."""
        self._snapshot, self._snapshot_at = (
            json.loads(json.dumps(as_raw(self.core.history))),
            len(self.events),
        )

    def crash(self, away: float = 0.0, *, anew: bool = False) -> None:
        """Everything dies; the box is back after so many seconds, with what snapshot and log say. One that is
        made `anew` gets its table only after its boot."""
        self.running, self.stopping, self.over = {}, {}, False
        self._wall += away
        self._mono = 0.0
        history = from_raw(self._snapshot)
        for event in self.events[self._snapshot_at :]:
            history.take(event["type"], event, event["t"])
        self.core = self._born(history, anew=anew)

    def _born(self, history: History, *, anew: bool = False) -> Core:
        self._write("boot", {})
        core = self.core = Core(Table(), history, since=self._wall)
        if not anew:
            self.carry_out(core.loaded(self.table, self.now))
        self.carry_out(core.booted(self.now))
        if anew:
            self.carry_out(core.loaded(self.table, self.now))
        self.take_snapshot()
        return core

    # What it does

    def carry_out(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Start(request):
                    self._write("started", {**request_fields(request), "pid": 1})
                    self._check_place(request)
                    self.running[request.run] = decision
                case Wait(request, reason, due):
                    self._write("queued", {**request_fields(request), "reason": reason, "due": due})
                case Skip(request, reason):
                    self._write("skipped", {**request_fields(request), "reason": reason})
                case Cancel(request, reason):
                    self._write("finished", never_ran(request, "killed", reason))
                case Stop(run):
                    self.stopping[run] = decision
                case Kill(run):
                    self.killed.append(run)
                case Say(kind, fields):
                    self._write(kind, fields)
                case Quit():
                    self.over = True

    def _check_place(self, request: Request) -> None:
        """What must hold whenever a run starts; an edit of the crontab may make it untrue later."""
        others = [start.request for start in self.running.values()]
        of_job = [other for other in others if other.job.name == request.job.name]
        assert request.job.overlap == "allow" or not of_job, "two of one job"
        assert self.table.max_running is None or len(others) < self.table.max_running, "over max_running"
        most = self.table.groups.get(request.job.group or "")
        assert most is None or sum(other.job.group == request.job.group for other in others) < most

    def _write(self, kind: str, fields: dict[str, Any]) -> None:
        event = {"seq": len(self.events) + 1, "t": utc_text(int(self._wall * 1e9)), "type": kind, **fields}
        self.events.append(json.loads(json.dumps(event)))

    # What is seen of it

    def told(self, *kinds: str) -> list[str]:
        """`kind job`, with the reason if there is one, of events of these kinds; else of all about runs."""
        wanted = kinds or ("queued", "skipped", "started", "finished")
        return [_line(event) for event in self.events if event["type"] in wanted]

    def run_of(self, job: str) -> str:
        """The run of this job that goes on."""
        (run,) = [run for run, start in self.running.items() if start.request.job.name == job]
        return run

    def waits(self) -> list[str]:
        """The jobs in line, in its order."""
        return [waiting.request.job.name for waiting in self.core.waiting()]


def a_table(*jobs: Job, **table: Any) -> Table:
    return Table("d1", jobs={job.name: job for job in jobs}, **table)


def _line(event: dict[str, Any]) -> str:
    attempt = f"#{event['attempt']}" if event.get("attempt", 1) > 1 else ""
    status = f" {event['status']}" if "status" in event else ""
    reason = f": {event['reason']}" if event.get("reason") else ""
    return f"{event['type']} {event['job']}{attempt}{status}{reason}"
