"""The files of the log: the active `cron.log`, and earlier segments named by their first event's `seq`."""

from __future__ import annotations

import os
from typing import NamedTuple

ACTIVE = "cron.log"
NEXT = "cron.next"
TAIL_BYTES = 2 * 1024 * 1024
"""More than the longest line the agent writes, so that the last whole line is always within it."""


class Segment(NamedTuple):
    """A finished segment and the `seq` of its first event."""

    first: int
    path: str


def finished_segments(directory: str) -> list[Segment]:
    """Oldest first."""
    found = []
    for name in os.listdir(directory):
        digits = name.removeprefix("cron-").removesuffix(".log")
        if name == f"cron-{digits}.log" and len(digits) == 16 and digits.isdigit():
            found.append(Segment(int(digits), f"{directory}/{name}"))
    return sorted(found)


def segment_path(directory: str, first: int) -> str:
    return f"{directory}/cron-{first:016d}.log"


def seq_of(line: bytes) -> int | None:
    """The `seq` of one whole line (without its newline), None if it is not one; `seq` always stands first."""
    if not line.startswith(b'{"seq":') or not line.endswith(b"}"):
        return None
    digits = line[7 : line.find(b",")]
    return int(digits) if digits.isdigit() else None


def first_seq(fd: int) -> int | None:
    """The `seq` of a file's first event, None while it has none."""
    head = os.pread(fd, 64, 0)
    digits = head[7 : head.find(b",")] if head.startswith(b'{"seq":') and b"," in head else b""
    return int(digits) if digits.isdigit() else None


def last_seq(fd: int) -> tuple[int | None, int]:
    """The `seq` of a file's last whole event, and the size of the file up to its end.

    What a power cut leaves after it (half a line, zeros) is not counted. (None, 0) if there is no event.
    """
    size = os.fstat(fd).st_size
    start = max(0, size - TAIL_BYTES)
    tail = os.pread(fd, TAIL_BYTES, start)
    end = tail.rfind(b"\n") + 1
    while end > 0:
        begin = tail.rfind(b"\n", 0, end - 1) + 1
        seq = seq_of(tail[begin : end - 1])
        if seq is not None:
            return seq, start + end
        end = begin
    return None, 0
