"""Looks for the processes that carry a run's mark, wherever they have gone.

Without CAP_SYS_PTRACE root may not look into another user's process. So a short-lived scout becomes the job's
user and looks; the agent, who may signal anyone, does the rest. A job of root may have started processes of
any user, so root's scout becomes the owner of each for a moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from .accounts import Account
from .spawn import ALL_SIGNALS, ROOT

PASSES = 5
SURE = b"."


class Mark(NamedTuple):
    """What tells a run's processes: its id in their environment or, should they have emptied that, its
    output pipes among their open files, by the names that /proc gives them."""

    run: str
    pipes: frozenset[str]


class Sighting(NamedTuple):
    """Who carries the mark. Not `sure`: somebody was there who ended before he could be looked at, and may
    have left a child in time."""

    pids: frozenset[int]
    sure: bool


def mark_of(run: str, pipes: tuple[int, ...]) -> Mark:
    """`pipes`: the agent's ends."""
    return Mark(run, frozenset(f"pipe:[{os.fstat(fd).st_ino}]" for fd in pipes))


def send_scout(mark: Mark, account: Account) -> int:
    """Start a scout -> the pipe that it writes its report to. Raises OSError if it cannot fork."""
    read, write = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)  # none may run the agent's code in the scout
    try:
        if os.fork() == 0:
            _scout(mark, account, write)
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.set_blocking(read, False)
    return read


def sighting(report: bytes) -> Sighting:
    """What a scout has seen. One that died has seen nothing, and is not sure of it."""
    words = report.split()
    return Sighting(frozenset(int(word) for word in words if word != SURE), SURE in words)


def _scout(mark: Mark, account: Account, write: int) -> NoReturn:
    try:
        if account.uid != ROOT:
            os.setgroups(account.groups)
            os.setgid(account.gid)
            os.setuid(account.uid)
        os.write(write, _look(mark))
    finally:
        os._exit(0)


def _look(mark: Mark) -> bytes:
    """Go through the process table until nobody falls silent meanwhile."""
    found: set[int] = set()
    silent: set[int] = set()
    sure = False
    for _ in range(PASSES):
        carriers, now_silent = _pass(mark)
        found |= carriers
        sure = now_silent <= silent
        if sure:
            break
        silent |= now_silent
    return b" ".join([*(b"%d" % pid for pid in found), *([SURE] if sure else [])])


def _pass(mark: Mark) -> tuple[set[int], set[int]]:
    """Who carries the mark, and who shows nothing. The agent's session is its crew: it has its files open."""
    carriers, silent = set(), set()
    crew = os.getsid(0)
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            if os.getsid(pid) != crew and _carries(pid, mark):
                carriers.add(pid)
        except OSError:  # gone, about to go, or closed to us: then it still is in the next pass
            silent.add(pid)
    return carriers, silent


def _carries(pid: int, mark: Mark) -> bool:
    """Raises OSError for who shows nothing: it has ended, is about to, changes its program, or is closed."""
    with _as_owner(pid):
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
        if b"CRONBOX_RUN_ID=%s\0" % mark.run.encode() in environment:
            return True
        if any(_target(f"/proc/{pid}/fd/{fd}") in mark.pipes for fd in os.listdir(f"/proc/{pid}/fd")):
            return True
        if not environment:
            raise ProcessLookupError(f"process {pid} has no environment")
        return False


def _target(link: str) -> str:
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(link)
    return ""


@contextlib.contextmanager
def _as_owner(pid: int) -> Iterator[None]:
    """Be who a process runs as, if root may choose."""
    if os.getuid() != ROOT:
        yield
        return
    owner = os.stat(f"/proc/{pid}")
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(ROOT)
