"""Starts a process as a user, in its own session.

Between fork and exec the child is the job's user already: without CAP_DAC_OVERRIDE root itself may not enter a
home that is closed to others.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple, NoReturn

from .accounts import Account

REASON_BYTES = 4096
ALL_SIGNALS = frozenset(signal.valid_signals())
RESET_SIGNALS = (
    signal.SIGPIPE,  # these two are ignored by Python itself
    signal.SIGXFSZ,
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
)


class Program(NamedTuple):
    """What is executed. `workdir` must exist; without it the user's HOME is tried, then `/`."""

    argv: tuple[bytes, ...]
    env: dict[bytes, bytes]
    workdir: bytes | None


class Pipes(NamedTuple):
    """The agent's ends of a job's standard streams; non-blocking."""

    stdin: int
    out: int
    err: int


class Failures:
    """Children that could not start their program leave the reason here.

    One pipe for all of them: a run that starts well then costs no descriptor more.
    """

    def __init__(self) -> None:
        self._read, self.fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._reasons: dict[int, str] = {}

    def reason(self, pid: int) -> str | None:
        """Why this ended child has not started its program; None if it has."""
        try:
            for line in os.read(self._read, 16 * REASON_BYTES).decode("utf-8", "replace").splitlines():
                number, _, text = line.partition(" ")
                self._reasons[int(number)] = text
        except BlockingIOError:
            pass
        return self._reasons.pop(pid, None)


def spawn(program: Program, account: Account, failures: Failures) -> tuple[int, Pipes]:
    """Start a program -> its pid and the agent's ends of its pipes. Raises OSError if it cannot fork.

    The pipes belong to the user, so that the program may open /dev/stdout and /dev/stderr again.
    """
    ends: list[int] = []
    try:
        for _ in range(3):
            ends += os.pipe()
            os.fchown(ends[-1], account.uid, account.gid)
        child_ends, own = (ends[0], ends[3], ends[5]), Pipes(ends[1], ends[2], ends[4])
        for fd in own:
            os.set_blocking(fd, False)
        pid = _fork(program, account, child_ends, failures.fd)
    except OSError:
        for fd in ends:
            os.close(fd)
        raise
    for fd in child_ends:
        os.close(fd)
    return pid, own


def _fork(program: Program, account: Account, streams: tuple[int, int, int], failures: int) -> int:
    pid = fork()
    if pid == 0:
        _child(program, account, streams, failures)
    return pid


def fork() -> int:
    """os.fork, with every signal blocked in the child until it calls `reset_signals`.

    One that came earlier would run the agent's own code there, and be lost for the program.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def _child(program: Program, account: Account, streams: tuple[int, int, int], failures: int) -> NoReturn:
    try:
        os.setsid()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        reset_signals()
        become(account)
        os.umask(0o022)
        _enter(program)
        os.execve(program.argv[0], program.argv, program.env)
    except BaseException as error:
        os.write(failures, f"{os.getpid()} {_reason(error)}\n".encode("utf-8", "replace")[-REASON_BYTES:])
    finally:
        os._exit(127)


def reset_signals() -> None:
    """Give a child the signals that a program expects: none caught, ignored or blocked."""
    for number in RESET_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def become(account: Account) -> None:
    """Be this user, for good."""
    os.setgroups(account.groups)
    os.setgid(account.gid)
    os.setuid(account.uid)


def _enter(program: Program) -> None:
    if program.workdir is not None:
        os.chdir(program.workdir)
        return
    try:
        os.chdir(program.env[b"HOME"])
    except OSError:
        os.chdir("/")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__
