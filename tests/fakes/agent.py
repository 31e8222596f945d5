"""An agent for FakeEngine: answers the verbs of docs/agent.md, and writes the log that a box would."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from cronbox.engine import AGENT, ExecResult
from cronbox.model.event import format_time
from cronbox.ops.probe import PYTHON
from tests.fakes.engine import FakeBox, FakeEngine

PASSWD = b"root:x:0:0:root:/root:/bin/sh\netl:x:1000:1000::/home/etl:/bin/sh\n"


class FakeAgent:
    """One box's agent. What a job does is arranged with `ends` (job -> fields of `finished`); a job that is
    not arranged goes on until it is killed. `holds` (job -> why) puts its runs in line; `draining` refuses
    them. A run that was asked to be patient waits behind another of its job, unless that may overlap."""

    def __init__(self, engine: FakeEngine, *, now: datetime, jobs: tuple[str, ...] = ()) -> None:
        self.now = now
        self.jobs = jobs
        self.digest = ""
        self.secrets: dict[str, str] = {}
        self.inside: dict[str, Any] = {}
        """What a look from inside finds, where that is not well."""
        self.ends: dict[str, dict[str, Any]] = {}
        self.prints: dict[str, list[list[Any]]] = {}
        self.holds: dict[str, str] = {}
        self.overlapping: set[str] = set()
        self.draining = False
        self._running: dict[str, str] = {}
        self._waiting: dict[str, tuple[str, dict[str, Any]]] = {}
        engine.script([*AGENT, "send"], self._obey)
        engine.script([*AGENT, "install"], self._install)
        engine.script([*AGENT, "installed"], self._installed)
        engine.script([*AGENT, "secrets"], self._take_secrets)
        engine.script([*AGENT, "status"], lambda box, stdin: _said({"running": list(self._running)}))
        engine.script([*AGENT, "follow"], lambda box, stdin: _said(self._head(box)))
        engine.script(["cat", "/etc/passwd"], ExecResult(0, PASSWD, b""))
        engine.script(PYTHON, lambda box, stdin: _said(self._inside() | self.inside))

    def boot(self, box: FakeBox, boot_id: str = "boot-1") -> None:
        self.write(box, "boot", log_id="fake-log", boot_id=boot_id, agent="1", release=1, timezone="UTC")
        self.write(box, "cron_started", pid=7)

    def tick(self, box: FakeBox) -> None:
        self.write(box, "tick", digest=self.digest)

    def write(self, box: FakeBox, type: str, **data: Any) -> None:
        """Append one event at the present time."""
        seq = len(box.files.get("cron.log", b"").splitlines()) + 1
        box.append_log(
            json.dumps({"seq": seq, "t": format_time(self.now), "type": type, **data}).encode() + b"\n"
        )

    def start(
        self,
        box: FakeBox,
        run: str,
        job: str,
        trigger: str = "manual",
        slot: str | None = None,
        **given: Any,
    ) -> None:
        self._running[run] = job
        seat = {"trigger": trigger, "scheduled_for": slot, "occurrence": 0, "attempt": 1, **given}
        self.write(box, "started", run=run, job=job, pid=8, user="root", **seat)
        if job in self.prints:
            self.now += timedelta(seconds=self.prints[job][-1][0])
            self.write(box, "output", run=run, lines=self.prints[job])
        if job in self.ends:
            self.finish(box, run, **self.ends[job])

    def finish(self, box: FakeBox, run: str, *, status: str = "succeeded", **fields: Any) -> None:
        job = self._running.pop(run)
        self.write(box, "finished", run=run, job=job, status=status, duration_s=1.5, **fields)
        self._next_in_line(box, job)

    def queue(self, box: FakeBox, run: str, job: str, reason: str, **seat: Any) -> None:
        self._waiting[run] = (job, seat)
        slot, given = seat.get("slot"), {key: value for key, value in seat.items() if key != "slot"}
        told = {"trigger": "manual", "scheduled_for": slot, "occurrence": 0, "attempt": 1, **given}
        self.write(box, "queued", run=run, job=job, reason=reason, **told)

    def _next_in_line(self, box: FakeBox, job: str) -> None:
        run = next((run for run, (other, _) in self._waiting.items() if other == job), None)
        if run is not None and job not in self.holds:
            self.start(box, run, job, **self._waiting.pop(run)[1])

    def _asked(self, box: FakeBox, command: dict[str, Any]) -> None:
        run, job = command["run"], command["job"]
        seat = {key: command[key] for key in ("env", "args", "origin", "patient") if key in command}
        seat["slot"] = command.get("scheduled_for")
        before = next((other for other, name in self._running.items() if name == job), None)
        if self.draining:
            slot = seat.pop("slot")
            told = {"trigger": "manual", "scheduled_for": slot, "occurrence": 0, "attempt": 1, **seat}
            self.write(box, "skipped", run=run, job=job, reason="draining", **told)
        elif job in self.holds:
            self.queue(box, run, job, self.holds[job], **seat)
        elif before and seat.get("patient") and job not in self.overlapping:
            self.queue(box, run, job, f"behind run {before}", **seat)
        else:
            self.start(box, run, job, **seat)

    def _obey(self, box: FakeBox, stdin: bytes) -> ExecResult:
        command = json.loads(stdin)
        match command["do"]:
            case "run" if command["job"] in self.jobs:
                self._asked(box, command)
            case "run":
                self.write(box, "unknown_job", job=command["job"], run=command["run"])
            case "kill" if command["run"] in self._running:
                self.finish(box, command["run"], status="killed", signal=15)
            case "kill" if command["run"] in self._waiting:
                job, _ = self._waiting.pop(command["run"])
                self.write(box, "finished", run=command["run"], job=job, status="killed", reason="by you")
            case "kill":
                self.write(box, "bad_command", text="kill", reason=f"run {command['run']} is not running")
            case "pause" | "resume" as verb:
                fields = {key: command.get(key) for key in ("job", "until", "why", "by")}
                self.write(box, f"{verb.removesuffix('e')}ed", **fields)
        return ExecResult(0, b"", b"")

    def _install(self, box: FakeBox, stdin: bytes) -> ExecResult:
        bundle = json.loads(stdin)
        changed = bundle["digest"] != self.digest
        self.digest = bundle["digest"]
        self.jobs = tuple(job["name"] for job in bundle["table"]["jobs"])
        self._crontab = bundle["crontab"]
        if not box.files:
            self.boot(box)
        self.write(box, "loaded", digest=self.digest, jobs=len(self.jobs))
        return _said({"digest": self.digest, "changed": changed})

    def _installed(self, box: FakeBox, stdin: bytes) -> ExecResult:
        return _said({"digest": self.digest, "crontab": self._crontab, "intact": True, "reason": None})

    def _take_secrets(self, box: FakeBox, stdin: bytes) -> ExecResult:
        given = json.loads(stdin)
        before = self.secrets
        self.secrets = {name: before[name] for name in given["keep"] if name in before} | given["values"]
        return _said({"changed": self.secrets != before})

    def _inside(self) -> dict[str, Any]:
        well = {"fifo": "", "log": "", "log_bytes": 4096, "log_used": 14, "mounts": {"/scripts": ""}}
        return well | {"now": self.now.timestamp(), "secrets": sorted(self.secrets)}

    def _head(self, box: FakeBox) -> dict[str, Any]:
        return {
            "log_id": "fake-log",
            "first_seq": 1,
            "last_seq": len(box.files.get("cron.log", b"").splitlines()),
        }


def _said(answer: dict[str, Any]) -> ExecResult:
    return ExecResult(0, json.dumps(answer).encode() + b"\n", b"")
