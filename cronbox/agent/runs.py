"""The runs that go on: started, told to end, and reaped."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from resource import struct_rusage
from typing import Any

from .accounts import Account, Accounts, UnknownUser
from .clock import utc_text
from .environment import as_bytes, asked_for, container_environment, job_environment, run_variables
from .execution import Execution, never_ran
from .journal import Journal
from .limits import limited
from .loop import Loop
from .oom import Memory, Spared
from .request import Request, request_fields
from .secrets import NotDelivered, Vault
from .spawn import Program, spawn


class Runs:
    """Tells `started` and `finished` of each; `on_end` gets the fields of `finished` after they are told."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        on_end: Callable[[dict[str, Any]], None],
        *,
        results: str,
        vault: Vault,
        memory: Memory,
    ) -> None:
        """`results`: the directory for what jobs say about themselves."""
        self._loop = loop
        self._journal = journal
        self._memory = memory
        self._spared = Spared(memory.limit())
        self._on_end = on_end
        self._results = results
        self._vault = vault
        self._accounts = Accounts()
        self._container_env = container_environment()
        self._by_id: dict[str, Execution] = {}
        self._by_pid: dict[int, Execution] = {}

    def start(self, request: Request, last_success: str | None) -> None:
        """Start a run. One that cannot be started has begun and failed all the same, with the reason."""
        try:
            account = self._accounts.find(request.job.user)
            program = self._program(request, account, last_success)
            stdin = as_bytes(request.job.stdin or "")
            execution = self._execution(request)
            with self._spared.for_children():
                pid, pipes = spawn(program, account)
        except (UnknownUser, NotDelivered, OSError, ValueError) as error:
            execution = self._execution(request)
            self._tell_started(request, None)
            execution.refuse(_reason(error))
            return
        self._by_pid[pid] = execution
        self._tell_started(request, pid)
        self._journal.flush()  # at once: should the box be killed now, it is known that the run had begun
        execution.attach(pid, pipes, account=account, stdin=stdin)

    def stop(self, run: str, status: str, reason: str) -> None:
        """Ask a run to end; its end shall say `status` and `reason`."""
        self._by_id[run].stop(status, reason)

    def kill(self, run: str) -> None:
        self._by_id[run].kill()

    def reaped(self, pid: int, status: int, usage: struct_rusage) -> None:
        """A child of this pid has ended; it may be nobody's: a scout, or an orphan that PID 1 inherited."""
        execution = self._by_pid.pop(pid, None)
        if execution is not None:
            execution.exited(status, usage)

    def describe(self) -> list[dict[str, Any]]:
        """What goes on, for the status file."""
        return [
            {
                "run": run,
                "job": execution.request.job.name,
                "pid": execution.pid,
                "started_at": utc_text(execution.started_ns),
            }
            for run, execution in self._by_id.items()
        ]

    def cancel(self, request: Request, reason: str) -> None:
        """Tell the end of a run that was killed before it began."""
        self._journal.event("finished", never_ran(request, "killed", reason))

    def _program(self, request: Request, account: Account, last_success: str | None) -> Program:
        job = request.job
        secrets = self._vault.environment(job.name, account)
        env = {
            **job_environment(job, account, {**self._container_env, **secrets}),
            **asked_for(request),
            **run_variables(request, last_success, self._result_file(request)),
        }
        workdir = None if job.workdir is None else as_bytes(job.workdir)
        return Program(limited(command_line(env[b"SHELL"], request), job.limits), env, workdir)

    def _execution(self, request: Request) -> Execution:
        execution = Execution(
            request,
            loop=self._loop,
            journal=self._journal,
            veil=self._vault.veil,
            memory=self._memory,
            result_file=self._result_file(request),
            on_end=partial(self._ended, request.run),
        )
        self._by_id[request.run] = execution
        return execution

    def _result_file(self, request: Request) -> str:
        return f"{self._results}/{request.run}"

    def _tell_started(self, request: Request, pid: int | None) -> None:
        fields = {**request_fields(request), "pid": pid, "user": request.job.user}
        self._journal.event("started", fields)

    def _ended(self, run: str, finished: dict[str, Any]) -> None:
        del self._by_id[run]
        self._journal.event("finished", finished)
        self._on_end(finished)


def _reason(error: Exception) -> str:
    """`/bin/foo: No such file or directory` without Python's decoration."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def command_line(shell: bytes, request: Request) -> tuple[bytes, ...]:
    """What is executed. Arguments reach the end of the command as `"$@"` does, never as text of the shell."""
    command = as_bytes(request.job.command)
    if not request.args:
        return shell, b"-c", command
    return (shell, b"-c", command + b' "$@"', shell, *map(as_bytes, request.args))
