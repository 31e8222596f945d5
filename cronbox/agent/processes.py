"""Which processes belong to a run: its session, what carries its id, and all that these have started.

Without CAP_SYS_PTRACE root may not read the environment of another user's process. So a short-lived scout
becomes the job's user and looks; the agent, who may signal anyone, does the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from .accounts import Account
from .spawn import ALL_SIGNALS


class Process(NamedTuple):
    """One line of the process table. `state` is the kernel's letter, `Z` for a zombie."""

    pid: int
    name: str
    state: str
    parent: int
    session: int


def snapshot() -> dict[int, Process]:
    """Every process there is."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(name)] = _read_process(int(name))
    return found


def family(
    processes: dict[int, Process], session: int, marked: Iterable[int], parent: int
) -> dict[int, Process]:
    """The live processes of a session, the marked ones, and all descendants of both.

    `parent` is the agent: what it has started itself is in nobody's family but by session or mark.
    """
    found = {p.pid for p in processes.values() if p.session == session} | (set(marked) & processes.keys())
    found.discard(parent)
    while True:
        more = {p.pid for p in processes.values() if p.parent in found} - found
        if not more:
            break
        found |= more
    return {pid: processes[pid] for pid in found if processes[pid].state not in "ZX"}


def send_scout(run: str, account: Account) -> int:
    """Start a scout for the processes that carry a run's id -> the pipe that it prints their pids to.

    Raises OSError if it cannot fork.
    """
    read, write = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)  # none may run the agent's code in the scout
    try:
        if os.fork() == 0:
            _scout(run, account, write)
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.set_blocking(read, False)
    return read


def _scout(run: str, account: Account, write: int) -> NoReturn:
    try:
        os.setgroups(account.groups)
        os.setgid(account.gid)
        os.setuid(account.uid)
        mark = b"CRONBOX_RUN_ID=%s\0" % run.encode()
        pids = [name for name in os.listdir("/proc") if name.isdigit() and _carries(name, mark)]
        os.write(write, " ".join(pids).encode())
    finally:
        os._exit(0)


def _carries(name: str, mark: bytes) -> bool:
    try:
        with open(f"/proc/{name}/environ", "rb") as file:
            return mark in file.read()
    except OSError:
        return False


def _read_process(pid: int) -> Process:
    with open(f"/proc/{pid}/stat", "rb") as file:
        text = file.read().decode("utf-8", "replace")
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    return Process(pid, head.partition("(")[2], fields[0], int(fields[1]), int(fields[3]))
