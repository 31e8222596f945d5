"""What becomes of the box when its memory runs out: who is killed, and that it is told.

The kernel kills the process with most memory, which among many small ones is the agent, and with it the box.
So each job starts with a score that puts it before the agent, by as much as the agent takes and no more: on
a host that has run out of memory, jobs should not be the first to go.

Nor does it tell anybody: the process just ends by SIGKILL. But the box's cgroup counts such kills, and counts
before it kills, so that the count is right when the process has been reaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

MIB = 1024 * 1024
UNLIMITED = 1 << 60
"""Version 1 writes its largest number for no limit."""


class _Files(NamedTuple):
    counter: str
    limit: str


VERSION_2 = _Files("memory.events", "memory.max")
VERSION_1 = _Files("memory/memory.oom_control", "memory/memory.limit_in_bytes")


SCORE = "/proc/self/oom_score_adj"
AHEAD_BYTES = 24 * MIB
"""More than the agent and crond take."""


class Spared:
    """In a box with a limit, what is started by the agent goes before the agent itself."""

    def __init__(self, limit: int | None) -> None:
        """`limit`: the box's, in bytes. The score is in thousandths of it."""
        self._fd = os.open(SCORE, os.O_RDWR | os.O_CLOEXEC)
        self._own = int(os.read(self._fd, 16))
        self._ahead = -(-1000 * AHEAD_BYTES // limit) if limit else 0

    @contextmanager
    def for_children(self) -> Iterator[None]:
        """What is started meanwhile has a higher score. To take back a raise needs no capability."""
        if not self._ahead:
            yield
            return
        self._set(min(self._own + self._ahead, 1000))
        try:
            yield
        finally:
            self._set(self._own)

    def _set(self, score: int) -> None:
        with suppress(OSError):
            os.write(self._fd, b"%d" % score)


class Memory:
    """The memory of the box, as its cgroup accounts for it; where there is none, it never runs out."""

    def __init__(self, cgroup: str) -> None:
        """`cgroup`: where the box's own is mounted."""
        self._fd: int | None = None
        for files in (VERSION_2, VERSION_1):
            path = f"{cgroup}/{files.counter}"
            if os.path.exists(path):
                self._limit = f"{cgroup}/{files.limit}"
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                return

    def kills(self) -> int:
        """How many processes of the box the kernel has killed for want of memory, ever."""
        if self._fd is None:
            return 0
        for line in os.pread(self._fd, 4096, 0).splitlines():
            name, _, count = line.partition(b" ")
            if name == b"oom_kill":
                return int(count)
        return 0

    def shortage(self, since: int) -> str | None:
        """In words, if there were more kills since there were `since`."""
        if self.kills() <= since:
            return None
        limit = self.limit()
        if limit is None:
            return "the host ran out of memory"
        return f"the box ran out of memory (limit {_size(limit)})"

    def limit(self) -> int | None:
        """The box's, in bytes."""
        if self._fd is None:
            return None
        try:
            with open(self._limit, encoding="ascii") as file:
                limit = int(file.read())
        except (OSError, ValueError):
            return None
        return limit if limit < UNLIMITED else None


def _size(size: int) -> str:
    return f"{size / MIB:g} MiB"
