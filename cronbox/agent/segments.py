"""The files of the log: the active `cron.log`, and earlier segments named by their first event's `seq`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

ACTIVE = "cron.log"
NEXT = "cron.next"
TAIL_BYTES = 64 * 1024
"""How far back the end of a file is looked at; further only while there is no event in it."""
LEAP = 2**32
"""A number that is further ahead of the one before it is none of ours."""
HIGHEST = 2**62
"""No number of ours comes near it, and what comes after it still is one."""
HEAD_BYTES = 64
LONGEST_LINE = 8 * 1024 * 1024
"""More than the longest line the agent writes: one with a command of 1 MiB, whose characters are escaped."""


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
    return _number_in(line[:HEAD_BYTES]) if line.endswith(b"}") else None


def first_seq(fd: int) -> int | None:
    """The `seq` of a file's first event, None while it has none."""
    lines = os.pread(fd, TAIL_BYTES, 0).split(b"\n")
    numbers = (_number_in(line[:HEAD_BYTES]) for line in lines)
    return next((seq for seq in numbers if seq is not None), None)


def last_seq(fd: int) -> tuple[int | None, int]:
    """The highest `seq` at the end of a file, and the size of the file up to the end of its last whole event.

    What a power cut leaves after it (half a line, zeros) is not counted. (None, 0) if there is no event.
    Somebody else may have written lines with numbers: a lower one, or one that is far ahead, is not counted.
    """
    end, size = 0, os.fstat(fd).st_size
    numbers: list[int] = []
    for seq, begin, stop in _events_backwards(fd, size):
        if numbers and size - begin > TAIL_BYTES:
            break
        end = end or stop
        numbers.append(seq)
    return highest(None, reversed(numbers)), end


def numbers_from(fd: int, place: int) -> list[int]:
    """The `seq` of every whole event from a place in the file on, in their order."""
    found = _events_backwards(fd, os.fstat(fd).st_size)
    return [seq for seq, _, _ in takewhile(lambda event: event[1] >= place, found)][::-1]


def highest(last: int | None, numbers: Iterable[int]) -> int | None:
    """The highest of the numbers that can follow `last`, in the order in which they were written."""
    for seq in numbers:
        if last is None or last < seq <= last + LEAP:
            last = seq
    return last


def _number_in(head: bytes) -> int | None:
    """The number with which a line begins. Our own stand before a comma; longer ones nobody could read."""
    digits = head[7 : head.find(b",")] if head.startswith(b'{"seq":') and b"," in head else b""
    seq = int(digits) if digits.isdigit() and len(digits) < 20 else 0
    return seq if 0 < seq < HIGHEST else None


def _events_backwards(fd: int, size: int) -> Iterator[tuple[int, int, int]]:
    """The `seq` of each event, and where it begins and ends, the last one first."""
    for begin, end in _lines_backwards(fd, size):
        if (seq := _seq_at(fd, begin, end)) is not None:
            yield seq, begin, end


def _seq_at(fd: int, begin: int, end: int) -> int | None:
    """The `seq` of the line between two places, of which the latter is behind its newline."""
    if end - begin < HEAD_BYTES:
        return seq_of(os.pread(fd, end - begin - 1, begin))
    return _number_in(os.pread(fd, HEAD_BYTES, begin)) if os.pread(fd, 1, end - 2) == b"}" else None


def _lines_backwards(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Where each line that a newline ends begins and ends, the last one first; however long it is."""
    end: int | None = None
    while size > 0:
        start = max(0, size - TAIL_BYTES)
        block = os.pread(fd, size - start, start)
        place = len(block)
        while (place := block.rfind(b"\n", 0, place)) >= 0:
            if end is not None:
                yield start + place + 1, end
            end = start + place + 1
        size = start
    if end is not None:
        yield 0, end
