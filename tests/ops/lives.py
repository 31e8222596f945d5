"""True logs of whole lives of a box, from the agent's own core, and what a store must hold of them.

The model here is a second telling of docs/agent.md. It shares nothing with `ops.fold` or `model.run`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from cronbox.agent.log import encode
from cronbox.agent.table import Retries
from cronbox.store import RunFilter, Store
from tests.agent.builders import a_job
from tests.agent.life import Life

JOBS = ("extract", "load", "tidy")
OVERLAPS = ("skip", "queue", "replace")

Moves = list[tuple[str, int]]


def moves() -> st.SearchStrategy[Moves]:
    """What happens to a box, move by move."""
    kinds = st.sampled_from(["minute", "minute", "ends", "prints", "crash", "stop", "asked", "kill", "clock"])
    return st.lists(st.tuples(kinds, st.integers(0, 8)), min_size=1, max_size=25)


def a_true_log(moves: Moves, *, log_id: str) -> list[bytes]:
    """The lines of a log in which this happened. It ends with a boot and two ticks."""
    box = Life(
        *(
            a_job(name, times="* * * * *", overlap=overlap, retries=Retries(1, 0.0))
            for name, overlap in zip(JOBS, OVERLAPS, strict=True)
        )
    )
    for number, (kind, which) in enumerate(moves):
        _move(box, kind, which, f"{log_id}-asked-{number}")
    box.crash(5.0)
    for _ in range(2):
        box.pass_time(60)
        box.carry_out(box.core.tick("d1", box.now))
    return [encode(event).encode() + b"\n" for event in _completed(box.events, log_id)]


def _move(box: Life, kind: str, which: int, asked: str) -> None:
    running = list(box.running)
    run = running[which % len(running)] if running else None
    match kind:
        case "minute":
            box.pass_time(60)
            box.carry_out(box.core.tick("d1", box.now))
            box.due(*JOBS[: 1 + which % 3])
        case "ends" if run:
            box.end(run, code=which % 2)
        case "prints" if run:
            lines = [[n / 8, "out", f"{run} {len(box.events)} {n}"] for n in range(which)]
            box._write("output", {"run": run, "lines": [*lines, [1.5, "err", "caf\udce9", False]]})
        case "crash":
            box.crash(float(which))
        case "stop":
            box.terminate()
            box.pass_time(40)
            for cut_off in list(box.running):
                box.end(cut_off, code=None)
            box.crash(1.0)
        case "asked":
            box.command("run", run=asked, job=JOBS[which % 3], patient=which > 4)
        case "kill" if run:
            box.command("kill", run=run, by="ann")
        case "clock":
            box.set_clock(box.now.wall + 40 * (which - 4))


def _completed(events: Sequence[dict[str, Any]], log_id: str) -> Iterable[dict[str, Any]]:
    boots = 0
    for event in events:
        if event["type"] == "boot":
            boots += 1
            ids = {"log_id": log_id, "boot_id": f"{log_id}-b{boots}"}
            yield {**event, **ids, "agent": "1", "release": boots, "timezone": "UTC"}
        else:
            yield event


@dataclass
class Expected:
    """One run as the model has it."""

    job: str
    trigger: str
    slot: str | None
    attempt: int
    status: str
    since: str
    started: str | None = None
    ended: str | None = None
    boot: str | None = None
    printed: list[str] = field(default_factory=list)

    def told(self) -> tuple[object, ...]:
        slot, *times = (
            time and datetime.fromisoformat(time) for time in (self.slot, self.started, self.ended)
        )
        return (self.job, self.trigger, slot, self.attempt, self.status, *times, self.boot, self.printed)


class Model:
    """What the lines of one or several logs come to. `holes` are numbers that are in no log any more."""

    def __init__(self) -> None:
        self.runs: dict[str, Expected] = {}
        self.boot: str | None = None
        self.last: str | None = None

    def take(self, lines: Sequence[bytes], *, holes: set[int]) -> None:
        """The lines of one log; what an earlier one left open is closed."""
        self.close()
        self.boot = self.last = None
        hole = False
        for line in lines:
            event = json.loads(line)
            if event["seq"] in holes:
                hole = True
                continue
            if hole:
                self.close()
            hole = False
            self._event(event)
            self.last = event["t"]

    def close(self) -> None:
        """Nothing more will be heard of what is open."""
        for run in self.runs.values():
            if run.status in ("queued", "running"):
                run.status = "lost"
                run.ended = max(self.last or run.since, run.since)

    def _event(self, event: dict[str, Any]) -> None:
        run = self.runs.get(event.get("run", ""))
        match event["type"]:
            case "boot":
                if event["boot_id"] != self.boot:
                    self.close()
                self.boot = event["boot_id"]
            case "queued" | "started" | "skipped":
                self._comes_up(run, event)
            case "finished" if run is not None:
                waited = (run.status, event["status"]) == ("queued", "killed")
                if waited or run.status in ("running", "lost"):
                    run.status, run.ended = event["status"], event["t"]
            case "output" if run is not None and run.status in ("running", "lost"):
                run.printed += [text for _, _, text, *_ in event["lines"]]

    def _comes_up(self, run: Expected | None, event: dict[str, Any]) -> None:
        to = {"started": "running"}.get(event["type"], event["type"])
        if run is not None and (run.started or run.status not in ("queued", "lost")):
            return
        if run is not None and run.status == to == "queued":
            return
        if run is None:
            where = event["job"], event["trigger"], event["scheduled_for"], event.get("attempt", 1)
            run = self.runs[event["run"]] = Expected(*where, status=to, since=event["t"])
        run.status, run.boot = to, self.boot
        if to == "running":
            run.started = run.since = event["t"]
        run.ended = event["t"] if to == "skipped" else None

    def told(self) -> dict[str, tuple[object, ...]]:
        return {id: run.told() for id, run in self.runs.items()}


def told(store: Store, box: str) -> dict[str, tuple[object, ...]]:
    """The same of a store."""
    return {
        run.id: (
            run.job,
            run.trigger.value,
            run.scheduled_for,
            run.attempt,
            run.status.value,
            run.started_at,
            run.finished_at,
            run.boot_id,
            [line.text for line in store.output(run.id)],
        )
        for run in store.runs(RunFilter(box=box, limit=10_000))
    }
