"""Whether the kernel has killed something in the box for want of memory.

It tells nobody: the process just ends by SIGKILL. But the box's cgroup counts such kills, and counts before
it kills, so that the count is right when the process has been reaped.
"""

from __future__ import annotations

import os
from typing import NamedTuple

MIB = 1024 * 1024
UNLIMITED = 1 << 60
"""Version 1 writes its largest number for no limit."""


class _Files(NamedTuple):
    counter: str
    limit: str


VERSION_2 = _Files("memory.events", "memory.max")
VERSION_1 = _Files("memory/memory.oom_control", "memory/memory.limit_in_bytes")


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
        limit = self._read_limit()
        if limit is None:
            return "the host ran out of memory"
        return f"the box ran out of memory (limit {_size(limit)})"

    def _read_limit(self) -> int | None:
        try:
            with open(self._limit, encoding="ascii") as file:
                limit = int(file.read())
        except (OSError, ValueError):
            return None
        return limit if limit < UNLIMITED else None


def _size(size: int) -> str:
    return f"{size / MIB:g} MiB"
