"""Prints the log from a given event on, and goes on as it grows, across rotation.

What is printed is on the disk for good first: an event that has been seen outside must not be taken back by
a power cut, or its `seq` would be given twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time

from .files import read_json_object, write_all
from .paths import Paths
from .segments import ACTIVE, LONGEST_LINE, finished_segments, first_seq, highest, last_seq, seq_of

POLL_SECONDS = 0.05
BLOCK_BYTES = 256 * 1024


def follow(paths: Paths, after: int, *, stdin: int, stdout: int) -> None:
    """The head line, then every event with a `seq` over `after`, until `stdin` ends.

    What was written before `stdin` ended is printed. Raises OSError, BrokenPipeError when
    nobody reads.
    """
    reader = Reader(paths.log_dir, after)
    write_all(stdout, json.dumps(_head(paths)).encode() + b"\n")
    try:
        ended = False
        while not ended:
            ended = _ended(stdin)
            while block := reader.read():
                write_all(stdout, block)
    finally:
        reader.close()


class Reader:
    """Reads events with a `seq` over `after`: whole lines only, in the order in which they were written, each
    file once. Lines with wrong numbers among them hold nothing up."""

    def __init__(self, directory: str, after: int) -> None:
        self._directory = directory
        self._after = after
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._fd = open_segment(directory, after + 1)

    def read(self) -> bytes:
        """Some of the lines that have come; empty when there are no more for now."""
        while True:
            block = os.read(self._fd, BLOCK_BYTES)
            if not block:
                if self._is_active():
                    self._begin_again_if_cut()
                    return b""
                block = os.read(self._fd, BLOCK_BYTES)  # written between the read and the rotation
            if not block:
                self._move_on()
            elif lines := self._wanted(block):
                os.fdatasync(self._fd)
                return lines

    def close(self) -> None:
        os.close(self._fd)

    def _wanted(self, block: bytes) -> bytes:
        wanted = []
        for line in self._whole(block):
            seq = seq_of(line)
            if seq is not None and seq > self._after:
                wanted += [line, b"\n"]
        return b"".join(wanted)

    def _whole(self, block: bytes) -> list[bytes]:
        """The lines that a block ends. One that is too long to be ours is let go of as it comes."""
        *ends, rest = block.split(b"\n")
        lines = []
        if ends:
            if self._rest_bytes + len(ends[0]) <= LONGEST_LINE:
                lines = [b"".join([*self._rest, ends[0]])]
            lines += ends[1:]
            self._rest, self._rest_bytes = [], 0
        self._rest_bytes += len(rest)
        self._rest = [*self._rest, rest] if self._rest_bytes <= LONGEST_LINE else []
        return lines

    def _move_on(self) -> None:
        """To the file that was begun after this one; if this one is gone, to the oldest that came later."""
        following = _open_after(self._directory, self._first())
        os.close(self._fd)
        self._fd, self._rest, self._rest_bytes = following, [], 0

    def _begin_again_if_cut(self) -> None:
        """Somebody has emptied the file, and what is written next is not behind what was read."""
        if os.fstat(self._fd).st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._rest, self._rest_bytes = [], 0

    def _first(self) -> int:
        """The number in this file's name; of one that is gone, that of its first event."""
        inode = os.fstat(self._fd).st_ino
        for segment in finished_segments(self._directory):
            with contextlib.suppress(FileNotFoundError):
                if os.stat(segment.path).st_ino == inode:
                    return segment.first
        return first_seq(self._fd) or 0

    def _is_active(self) -> bool:
        try:
            active = os.stat(f"{self._directory}/{ACTIVE}")
        except FileNotFoundError:
            return True  # between the two renames of a rotation
        return active.st_ino == os.fstat(self._fd).st_ino


def open_segment(directory: str, seq: int) -> int:
    """The segment that holds event `seq`, or will; the oldest there is, if that one is gone -> descriptor."""
    while True:
        try:
            return _try_open(directory, seq)
        except FileNotFoundError:
            time.sleep(0.01)  # rotated under our hands


def _open_after(directory: str, first: int) -> int:
    """The oldest file that was begun after the one of this number -> descriptor."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # rotated under our hands
            active = os.open(f"{directory}/{ACTIVE}", os.O_RDONLY | os.O_CLOEXEC)
            # In this order: one that is rotated in between is found by its name.
            later = [segment for segment in finished_segments(directory) if segment.first > first]
            if not later:
                return active
            os.close(active)
            return os.open(later[0].path, os.O_RDONLY | os.O_CLOEXEC)
        time.sleep(0.01)


def _try_open(directory: str, seq: int) -> int:
    active = os.open(f"{directory}/{ACTIVE}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        finished = _open_finished(directory, seq)
    except BaseException:
        os.close(active)
        raise
    if finished is None:
        return active
    os.close(active)
    return finished


def _open_finished(directory: str, seq: int) -> int | None:
    """The finished segment that holds event `seq` or a later one, oldest first; None: only the active may."""
    segments = finished_segments(directory)
    older = sum(1 for segment in segments if segment.first <= seq)
    for segment in segments[max(0, older - 1) :]:
        fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        last, _ = last_seq(fd)
        if last is not None and last >= seq:
            return fd
        os.close(fd)
    return None


def _ended(stdin: int) -> bool:
    """Wait a moment for more -> whether `stdin` has come to its end. What stands in it means nothing."""
    ready, _, _ = select.select([stdin], [], [], POLL_SECONDS)
    return bool(ready) and not os.read(stdin, 4096)


def _head(paths: Paths) -> dict[str, object]:
    first, last = bounds(paths.log_dir)
    return {"log_id": read_json_object(paths.state)["log_id"], "first_seq": first, "last_seq": last}


def bounds(directory: str) -> tuple[int | None, int]:
    """The oldest event that is still there (None if there is none), and the newest."""
    oldest = open_segment(directory, 0)
    newest = os.open(f"{directory}/{ACTIVE}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        first, (last, _) = first_seq(oldest), last_seq(newest)
    finally:
        os.close(oldest)
        os.close(newest)
    segments = finished_segments(directory)
    before = _last_of(segments[-1].path) if segments else None
    return first, highest(before, [] if last is None else [last]) or 0


def _last_of(path: str) -> int | None:
    with open(path, "rb") as file:
        return last_seq(file.fileno())[0]
