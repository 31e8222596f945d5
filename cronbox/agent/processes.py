"""The process table, and which of it belongs to a run: its session, what carries its mark, and all that these
have started."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Sequence
from typing import NamedTuple

INIT = 1
OUTSIDE = 0
"""The session of what came in by `docker exec`."""
NAMED = 10


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
    """The live processes of a session, the marked ones, and of both all descendants and whole sessions: who
    begins a session is of the run, so everybody in it is.

    `parent` is the agent: what it has started itself is in nobody's family but by session or mark.
    """
    strange = {OUTSIDE, *(p.session for p in processes.values() if p.pid == parent)}
    found = set(marked) & processes.keys() - {parent}
    while True:
        sessions = {session, *(processes[pid].session for pid in found)} - strange
        more = {p.pid for p in processes.values() if p.parent in found or p.session in sessions}
        if more <= found | {parent}:
            break
        found |= more - {parent}
    return {pid: processes[pid] for pid in found if processes[pid].state not in "ZX"}


def names(processes: Sequence[Process]) -> str:
    """`sleep (123), sh (124)`, of a crowd the first few."""
    shown = ", ".join(f"{process.name} ({process.pid})" for process in processes[:NAMED])
    more = len(processes) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def can_freeze() -> bool:
    """Only PID 1 may: nobody but the box is meant."""
    return os.getpid() == INIT


def freeze() -> None:
    """Stop every process of the box but the agent, at one blow: nothing is born, and nothing slips away."""
    _signal_everybody(signal.SIGSTOP)


def thaw() -> None:
    _signal_everybody(signal.SIGCONT)


def _signal_everybody(number: int) -> None:
    """The kernel does it under the lock that a fork needs."""
    if can_freeze():
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, number)


def _read_process(pid: int) -> Process:
    with open(f"/proc/{pid}/stat", "rb") as file:
        text = file.read().decode("utf-8", "replace")
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    return Process(pid, head.partition("(")[2], fields[0], int(fields[1]), int(fields[3]))
