"""Jobs, tables and a whole agent to try things on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cronbox.agent.paths import Paths
from cronbox.agent.schedule import Schedule
from cronbox.agent.table import Job

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30.0
EVERY_DAY = {
    "days": list(range(1, 32)),
    "months": list(range(1, 13)),
    "weekdays": list(range(7)),
    "days_starred": True,
    "weekdays_starred": True,
}
EVERY_MINUTE = {
    "text": "* * * * *",
    "minutes": list(range(60)),
    "hours": list(range(24)),
    "wildcard": True,
    **EVERY_DAY,
}


def a_schedule(
    *, minutes: set[int], hours: set[int] | None = None, wildcard: bool = True, **days: Any
) -> Schedule:
    given = {**EVERY_DAY, **days}
    return Schedule(
        minutes=frozenset(minutes),
        hours=frozenset(range(24) if hours is None else hours),
        days=frozenset(given["days"]),
        months=frozenset(given["months"]),
        weekdays=frozenset(given["weekdays"]),
        days_starred=given["days_starred"],
        weekdays_starred=given["weekdays_starred"],
        wildcard=wildcard,
    )


def a_job(name: str = "load", **changed: Any) -> Job:
    plain = Job(
        name=name,
        user="root",
        command="true",
        stdin=None,
        env=(),
        schedule=a_schedule(minutes=set(range(60))),
        timeout=None,
        kill_after=10.0,
        overlap="skip",
        workdir=None,
        output_limit=10_000_000,
        ok_codes=frozenset({0}),
        paused=False,
    )
    return plain._replace(**changed)


def an_entry(name: str = "load", command: str = "true", **changed: Any) -> dict[str, Any]:
    """One job as the table gives it."""
    return {
        "name": name,
        "source": "crontabs/etl/orders:1",
        "user": "root",
        "command": command,
        "schedule": EVERY_MINUTE,
        "kill_after": 1.0,
        **changed,
    }


def a_bundle(*entries: dict[str, Any], digest: str = "d1", **box: Any) -> dict[str, Any]:
    return {
        "digest": digest,
        "crontab": f"* * * * * root echo @tick {digest} >/run/cronbox/trigger\n",
        "table": {"digest": digest, "box": "etl", "stop_grace": 5, "jobs": list(entries), **box},
    }


def a_root(folder: Path) -> Paths:
    """The folders that a box has, under another root, with a crond that only sleeps."""
    for name in ("etc/cron.d", "dev", "run", "log"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    return Paths(root=str(folder), crond=("/bin/sleep", "1000"))


class Box:
    """A real agent in a process of its own."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.agent: subprocess.Popen[bytes] | None = None
        self.console = Path(f"{paths.root}/console")

    def install(self, *entries: dict[str, Any], **box: Any) -> None:
        """Put a table in place, and tell the agent if it runs. The crontab is not what is tried here."""
        folder = Path(self.paths.table).parent
        folder.mkdir(exist_ok=True)
        draft = folder / "draft"
        draft.write_text(json.dumps(a_bundle(*entries, **box)["table"]))
        draft.rename(self.paths.table)
        if self.agent is not None:
            loaded = len(self.events("loaded"))
            self.say('@do {"do": "reload"}')
            self.wait(lambda: len(self.events("loaded")) > loaded)

    def start(self) -> None:
        boots = len(self.events("boot"))
        with self.console.open("ab") as console:
            self.agent = subprocess.Popen(self.argv("serve"), cwd=REPOSITORY, stdout=console, stderr=console)
        self.wait(lambda: len(self.events("boot")) > boots and Path(self.paths.trigger).exists())
        self.wait(lambda: len(self.events("cron_started")) > boots)

    def argv(self, *verb: str) -> list[str]:
        code = (
            "import sys; from cronbox.agent.cli import run; from cronbox.agent.paths import Paths;"
            f"sys.exit(run(sys.argv[1:], Paths({self.paths.root!r}, {self.paths.crond!r})))"
        )
        return [sys.executable, "-c", code, *verb]

    def call(self, *verb: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self.argv(*verb), cwd=REPOSITORY, input=stdin, capture_output=True, check=False)

    def say(self, *lines: str) -> None:
        """Write lines to the FIFO, as cron's trigger lines do."""
        for line in lines:
            with Path(self.paths.trigger).open("wb", buffering=0) as fifo:
                fifo.write(line.encode() + b"\n")

    def events(self, kind: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """What the log holds, all segments, whole lines only."""
        found = []
        folder = Path(self.paths.log_dir)
        for path in (*sorted(folder.glob("cron-*.log")), folder / "cron.log"):
            if path.exists():
                lines = path.read_bytes().split(b"\n")[:-1]
                found += [json.loads(line) for line in lines]
        wanted = {**fields, **({"type": kind} if kind else {})}
        return [event for event in found if all(event.get(key) == value for key, value in wanted.items())]

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until it is true; for an unreasonable time at most."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (met := condition()):
            assert time.monotonic() < give_up, self.console.read_text(errors="replace")[-3000:]
            time.sleep(0.02)
        return met

    def wait_event(self, kind: str, **fields: Any) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.wait(lambda: self.events(kind, **fields))
        return found[-1]

    def finished(self, job: str) -> dict[str, Any]:
        return self.wait_event("finished", job=job)

    def printed(self, run: str) -> list[tuple[str, str]]:
        """(stream, text) of each line of a run."""
        batches = self.events("output", run=run)
        return [(line[1], line[2]) for batch in batches for line in batch["lines"]]

    def end(self) -> int:
        """SIGTERM, if it still runs -> the exit code."""
        assert self.agent is not None
        self.agent.terminate()
        return self.agent.wait(PATIENCE_SECONDS)
