"""Starts a program as a user, in its own session.

posix_spawn and not fork: a fork copies the agent's page tables and then, page by page, its memory, which
measured 4.5 ms of CPU for a job where this takes 1.5 ms. But posix_spawn cannot change the user. So the agent
is the user itself for that moment, with root kept as its saved id: exec drops that for the child
(credentials(7)), and the agent takes it back. While the saved id is root's, nobody of that user can trace the
agent or read its memory; signals are what remains, and those that come from the user are thrown away.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from .accounts import Account

ALL_SIGNALS = frozenset(signal.valid_signals())
TO_DEFAULT = tuple(ALL_SIGNALS - {signal.SIGKILL, signal.SIGSTOP})
"""A program expects them to be as they are by default; Python ignores some, and so may who started it."""
CATCHABLE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that mean something to the agent."""
ROOT = 0


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


def spawn(program: Program, account: Account) -> tuple[int, Pipes]:
    """Start a program -> its pid and the agent's ends of its pipes.

    The pipes belong to the user, so that the program may open /dev/stdout and /dev/stderr again. Raises
    OSError, naming the file if it is the program or the working directory that is wrong.
    """
    ends: list[int] = []
    try:
        for _ in range(3):
            ends += os.pipe()
            os.fchown(ends[-1], account.uid, account.gid)
        streams, own = (ends[0], ends[3], ends[5]), Pipes(ends[1], ends[2], ends[4])
        for fd in own:
            os.set_blocking(fd, False)
        pid = _spawn_as(account, program, streams)
    except BaseException:
        for fd in ends:
            os.close(fd)
        raise
    for fd in streams:
        os.close(fd)
    return pid, own


def _spawn_as(account: Account, program: Program, streams: tuple[int, int, int]) -> int:
    if account.uid == ROOT:
        return _spawn_here(program, streams)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
    groups = os.getgroups()
    os.setgroups(account.groups)
    try:
        os.setresgid(account.gid, account.gid, ROOT)
        os.setresuid(account.uid, account.uid, ROOT)
        return _spawn_here(program, streams)
    finally:
        os.setresuid(ROOT, ROOT, ROOT)
        os.setresgid(ROOT, ROOT, ROOT)
        os.setgroups(groups)
        _forget_signals_of(account.uid)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _spawn_here(program: Program, streams: tuple[int, int, int]) -> int:
    _enter(program)
    try:
        return os.posix_spawn(
            program.argv[0],
            program.argv,
            program.env,
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(streams)],
            setsid=True,
            setsigmask=(),
            setsigdef=TO_DEFAULT,
        )
    finally:
        os.chdir("/")


def _enter(program: Program) -> None:
    """Go to the working directory with the user's own rights: root has none over a home closed to others."""
    if program.workdir is not None:
        os.chdir(program.workdir)
        return
    try:
        os.chdir(program.env[b"HOME"])
    except OSError:
        os.chdir("/")


def _forget_signals_of(uid: int) -> None:
    """Throw away what the user's processes sent while the agent had their id; keep what others sent."""
    kept = []
    while (came := signal.sigtimedwait(CATCHABLE, 0)) is not None:
        if came.si_uid != uid:
            kept.append(came.si_signo)
    for number in kept:
        signal.raise_signal(number)
