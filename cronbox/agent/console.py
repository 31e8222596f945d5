"""What `docker logs` shows: the same events as readable lines, dropped rather than waited for."""

from __future__ import annotations

import os
import signal
import time
from itertools import groupby
from typing import Any

from .clock import utc_text
from .output import Line

BACKLOG_BYTES = 1024 * 1024


class Console:
    """Writes lines to a descriptor that may be slow, stuck or closed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = bytearray()
        self._dropped = 0
        os.set_blocking(fd, False)

    def event(self, kind: str, fields: dict[str, Any]) -> None:
        """One event, if it is worth a line."""
        text = describe(kind, fields)
        if text is not None:
            self._add(f"{_stamp(time.time_ns())} {text}\n")

    def output(self, run: str, job: str, lines: list[Line], started_ns: int) -> None:
        """Lines that a run has printed. `started_ns`: when it started, since the epoch."""
        name = _name(job, run)
        for (t, stream), group in groupby(lines, _moment):
            assert isinstance(t, float | int)
            head = f"{_stamp(started_ns + int(t * 1e9))} {name} {stream} | "
            texts = [str(line[2]) for line in group]
            self._add(head + f"\n{head}".join(texts) + "\n", len(texts))

    def flush(self) -> None:
        """Write what goes without waiting."""
        if self._dropped and len(self._pending) < BACKLOG_BYTES // 2:
            dropped, self._dropped = self._dropped, 0
            self._add(f"{_stamp(time.time_ns())} {dropped} lines dropped here: nobody read them\n")
        try:
            while self._pending:
                del self._pending[: os.write(self._fd, self._pending)]
        except BlockingIOError:
            pass
        except OSError:
            self._pending.clear()

    def _add(self, text: str, lines: int = 1) -> None:
        if len(self._pending) > BACKLOG_BYTES:
            self._dropped += lines
        else:
            self._pending += text.encode("utf-8", "surrogateescape")


def describe(kind: str, fields: dict[str, Any]) -> str | None:
    """An event in words; None for one that only machines want."""
    match kind:
        case "tick" | "output":
            return None
        case "queued" | "skipped" | "started" | "finished":
            return f"{_name(fields['job'], fields['run'])} {_run_words(kind, fields)}"
        case "cron_message":
            return f"cron | {fields['text']}"
        case _:
            words = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
            return f"{kind.replace('_', ' ')} {words}".rstrip()


def _run_words(kind: str, fields: dict[str, Any]) -> str:
    if kind == "started":
        slot = f" for {fields['scheduled_for']}" if fields["scheduled_for"] else ""
        return f"started by {fields['trigger']}{slot} as {fields['user']}"
    reason = f": {fields['reason']}" if fields["reason"] else ""
    if kind == "finished":
        after = "" if fields["duration_s"] is None else f" after {fields['duration_s']:.1f} s"
        return f"{fields['status']}{after}{reason}"
    return f"{kind}{reason}"


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; real-time signals have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _name(job: str, run: str) -> str:
    return f"{job}[{run[:4]}]"


def _moment(line: Line) -> tuple[object, object]:
    """Lines that came in one read have the same, and their stamp is made once."""
    return line[0], line[1]


def _stamp(ns: int) -> str:
    return f"{utc_text(ns)[:-4]}Z"
