"""One run that goes on: its process, its output, and how it comes to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from resource import struct_rusage
from typing import Any

from .accounts import Account
from .endings import End, judged
from .hunt import Hunt
from .journal import Journal
from .loop import Loop, Timer
from .oom import Memory
from .output import ERR, OUT, Output
from .processes import Process, names, snapshot
from .redact import Redactor, Veil
from .request import Request
from .result import take_result
from .scout import mark_of
from .spawn import Pipes

READ_BYTES = 65536
BATCH_SECONDS = 0.1
LINGER_SECONDS = 0.5
"""What a job's helpers (`exec > >(tee log)`) get to print their last after the job itself has ended."""
STALL_SECONDS = 0.2
UNFINISHED_SECONDS = 1.0
"""A line that does not go on for so long is shown as far as it is there: it may be a prompt."""


class Execution:
    """From the moment after the fork until `on_end(fields)`, which gets the fields of `finished`.

    A job has ended when its own process has. What it leaves behind in the background goes on as it would
    under cron, and is noted; only a run that is told to end takes all that it has started with it.
    """

    def __init__(
        self,
        request: Request,
        *,
        loop: Loop,
        journal: Journal,
        veil: Veil,
        result_file: str,
        memory: Memory,
        on_end: Callable[[dict[str, Any]], None],
    ) -> None:
        self.request = request
        self.pid: int | None = None
        self.started_ns = time.time_ns()
        self._began = time.monotonic()
        self._account: Account | None = None
        self._loop = loop
        self._journal = journal
        self._veil = veil
        self._result_file = result_file
        self._result: dict[str, str] = {}
        self._memory = memory
        self._oom_kills = memory.kills()
        self._on_end = on_end
        self._output = Output(request.job.output_limit, Redactor(veil))
        self._batch: Timer | None = None
        self._heard = 0.0
        """When it last printed something, seconds from its start."""
        self._unfinished_watched = False
        self._open: dict[int, str] = {}
        self._stdin = memoryview(b"")
        self._hunt: Hunt | None = None
        self._verdict: tuple[str, str] | None = None
        self._exit: tuple[int, struct_rusage] | None = None
        self._duration = 0.0
        self._failure: str | None = None
        self._unkillable: list[Process] = []
        self._settling = False
        self._over = False

    def attach(self, pid: int, pipes: Pipes, *, account: Account, stdin: bytes) -> None:
        """The process runs as `account`: feed it, and read what it prints."""
        self.pid = pid
        self._account = account
        self._open = {pipes.out: OUT, pipes.err: ERR}
        for fd in self._open:
            self._loop.watch(fd, partial(self._read, fd), once=True)
        self._stdin = memoryview(stdin)
        if stdin:
            self._loop.watch(pipes.stdin, partial(self._feed, pipes.stdin), writing=True)
        else:
            os.close(pipes.stdin)

    def refuse(self, reason: str) -> None:
        """The process could not be made."""
        self._failure = reason
        self._end()

    def stop(self, status: str, reason: str) -> None:
        """Ask everything of this run to end; `finished` will say `status` and `reason`."""
        if self._exit is not None or self.pid is None or self._account is None:
            return
        self._verdict = (status, reason)
        mark = mark_of(self.request.run, tuple(self._open))
        self._hunt = Hunt(self._loop, mark, self._account, self.pid, self._settle)
        self._hunt.terminate()

    def kill(self) -> None:
        """`stop` was not enough."""
        if self._hunt is not None:
            self._hunt.kill()

    def exited(self, status: int, usage: struct_rusage) -> None:
        """The job's own process was reaped."""
        self._exit = (status, usage)
        self._duration = time.monotonic() - self._began
        if self._hunt is not None:
            self._hunt.main_gone()
        else:
            self._settle([])

    def _settle(self, unkillable: list[Process]) -> None:
        """No process is waited for any more: end as soon as the output has been read."""
        self._settling = True
        self._unkillable = unkillable
        if self._open:
            self._loop.after(LINGER_SECONDS, self._linger_over)
        else:
            self._end()

    def _feed(self, fd: int) -> None:
        try:
            self._stdin = self._stdin[os.write(fd, self._stdin) :]
        except BrokenPipeError:
            self._stdin = memoryview(b"")
        if not self._stdin:
            self._loop.forget(fd)
            os.close(fd)

    def _read(self, fd: int) -> None:
        """A bounded part of what is there, so that a flood leaves time for other runs."""
        if self._journal.log.stalled:
            self._loop.forget(fd)
            self._loop.after(STALL_SECONDS, partial(self._loop.watch, fd, partial(self._read, fd), once=True))
            return
        data = os.read(fd, READ_BYTES)
        if data:
            self._loop.again(fd)
            self._take_in(self._open[fd], data)
            return
        self._close(fd)
        if self._settling and not self._open:
            self._end()

    def _take_in(self, stream: str, data: bytes) -> None:
        self._heard = time.monotonic() - self._began
        self._output.feed(stream, data, self._heard)
        while self._output.batch_full:
            self._write_batch()
        if self._output.unfinished and not self._unfinished_watched:
            self._watch_unfinished(UNFINISHED_SECONDS)
        if self._output.waiting and self._batch is None:
            self._batch = self._loop.after(BATCH_SECONDS, self._batch_due)

    def _watch_unfinished(self, seconds: float) -> None:
        self._unfinished_watched = True
        self._loop.after(seconds, self._look_at_unfinished)

    def _look_at_unfinished(self) -> None:
        self._unfinished_watched = False
        if self._over or not self._output.unfinished:
            return
        left = self._heard + UNFINISHED_SECONDS - (time.monotonic() - self._began)
        if left > 0:
            self._watch_unfinished(left)
        else:
            self._output.show_unfinished(self._heard)
            self._write_batch()

    def _batch_due(self) -> None:
        self._batch = None
        self._write_batch()

    def _write_batch(self) -> None:
        lines = self._output.take()
        if lines:
            self._journal.output(self.request.run, self.request.job.name, lines, self.started_ns)

    def _linger_over(self) -> None:
        if self._over:
            return
        if self._journal.log.stalled:
            self._loop.after(STALL_SECONDS, self._linger_over)
        else:
            self._end()

    def _end(self) -> None:
        """Nothing more is waited for: write the rest of the output, and say how it went."""
        self._over = True
        self._note_survivors(self._unkillable or self._left_behind())
        self._take_result()
        self._output.finish(self._duration)
        if self._batch is not None:
            self._batch.cancel()
        while self._output.waiting:
            self._write_batch()
        for fd in self._open:
            self._loop.forget(fd)
            self._loop.watch(fd, partial(self._discard, fd))
        self._on_end(self._finished())

    def _left_behind(self) -> list[Process]:
        """Live processes of the job's session, looked for only if its process group is not empty."""
        if self.pid is None or self._hunt is not None or not _group_lives(self.pid):
            return []
        return [p for p in snapshot().values() if p.session == self.pid and p.state not in "ZX"]

    def _note_survivors(self, survivors: list[Process]) -> None:
        if survivors:
            text = f"left behind by this run, {len(survivors)} in all: {names(survivors)}"
            self._output.note(text, self._duration)

    def _take_result(self) -> None:
        if self._account is None:
            return
        said = take_result(self._result_file, self._account)
        shown = {key: self._veil.hide_text(value) for key, value in said.values.items()}
        self._result = {key: value for key, value in shown.items() if key == self._veil.hide_text(key)}
        if said.note is not None:
            self._output.note(said.note, self._duration)

    def _discard(self, fd: int) -> None:
        """What a left-behind process prints is lost, as under cron; a full pipe must not stop it."""
        if not os.read(fd, READ_BYTES):
            self._close(fd)

    def _close(self, fd: int) -> None:
        self._loop.forget(fd)
        del self._open[fd]
        os.close(fd)

    def _finished(self) -> dict[str, Any]:
        code, number, cpu, rss = self._measured()
        status, reason = self._judged(code, number, cpu)
        return {
            **never_ran(self.request, status, reason),
            "exit_code": code,
            "signal": number,
            "duration_s": round(self._duration, 6),
            "cpu_s": cpu,
            "max_rss_bytes": rss,
            "output_bytes": self._output.total,
            "dropped_bytes": self._output.dropped,
            **({"result": self._result} if self._result else {}),
        }

    def _measured(self) -> tuple[int | None, int | None, float | None, int | None]:
        """Exit code or signal, CPU seconds and peak memory, all None for what was never a program."""
        if self._exit is None:
            return None, None, None, None
        status, usage = self._exit
        code = os.waitstatus_to_exitcode(status)
        cpu, rss = round(usage.ru_utime + usage.ru_stime, 6), usage.ru_maxrss * 1024
        return (code, None, cpu, rss) if code >= 0 else (None, -code, cpu, rss)

    def _judged(self, code: int | None, number: int | None, cpu: float | None) -> tuple[str, str | None]:
        """The status of the run, and its reason."""
        if self._verdict is not None:
            status, reason = self._verdict
            killed = list(self._hunt.killed.values()) if self._hunt else []
            return status, f"{reason}; had to be killed: {names(killed)}" if killed else reason
        if self._failure is not None:
            return "failed", self._failure
        end = End(code, number, cpu or 0.0)
        return judged(self.request.job, end, lambda: self._memory.shortage(self._oom_kills))


def never_ran(request: Request, status: str, reason: str | None) -> dict[str, Any]:
    """The fields of `finished` for a run that never was a process."""
    return {
        "run": request.run,
        "job": request.job.name,
        "status": status,
        "exit_code": None,
        "signal": None,
        "reason": reason,
        "duration_s": None,
        "cpu_s": None,
        "max_rss_bytes": None,
        "output_bytes": 0,
        "dropped_bytes": 0,
    }


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True
