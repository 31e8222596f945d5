"""Everything that happens is told here once, and reaches both the log and the console."""

from __future__ import annotations

from typing import Any

from .console import Console
from .log import Log
from .output import Line


class Journal:
    def __init__(self, log: Log, console: Console) -> None:
        self.log = log
        self._console = console

    def event(self, kind: str, fields: dict[str, Any]) -> None:
        """docs/agent.md lists the kinds and their fields."""
        self.log.append(kind, fields)
        self._console.event(kind, fields)

    def output(self, run: str, job: str, lines: list[Line], started_ns: int) -> None:
        """A batch of what a run has printed. `started_ns`: when the run started, since the epoch."""
        self.log.append("output", {"run": run, "lines": lines})
        self._console.output(run, job, lines, started_ns)

    def flush(self) -> None:
        self.log.flush()
        self._console.flush()
