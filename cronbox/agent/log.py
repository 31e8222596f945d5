"""The only writer of the log: numbered JSON lines in segments of bounded size.

A line that was written is never changed. Nothing is lost while the disk is full: what could not be written
waits in memory, the rest of a line follows its beginning, and the log then says how long it stood still.

Somebody else may write into the file all the same, empty it or take it away. Then the numbers go on above
all that a reader may have seen there, each event has a line of its own, and the log says that it happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

from .clock import utc_text
from .segments import (
    ACTIVE,
    NEXT,
    finished_segments,
    first_seq,
    highest,
    last_seq,
    numbers_from,
    segment_path,
)

encode = json.JSONEncoder(separators=(",", ":")).encode

RETRY_SECONDS = 1.0
BACKLOG_BYTES = 1024 * 1024


class Log:
    """Appends events. `append` only collects; `flush` writes, once a loop turn."""

    def __init__(self, directory: str, *, segment: int, total: int, after: int = 0) -> None:
        """Opens the log and repairs what a power cut left at its end. Sizes in bytes. The numbers go on
        behind `after`, should the end of the log be gone. Raises OSError."""
        self.directory = directory
        self.segment = segment
        self.total = total
        self.failure: str | None = None
        """Why nothing can be written at present."""
        self._failed_at = 0.0
        self._pending = bytearray()
        self._mid_line = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{directory}/{NEXT}")
        self._fd = _open_active(directory)
        self.seq = max(self._repair(), after)
        self._first = first_seq(self._fd) or self.seq + 1
        self._size = os.fstat(self._fd).st_size

    @property
    def active(self) -> str:
        return f"{self.directory}/{ACTIVE}"

    @property
    def stalled(self) -> bool:
        """So much waits to be written that no more output should be taken in."""
        return len(self._pending) > BACKLOG_BYTES

    def append(self, kind: str, fields: dict[str, Any]) -> None:
        """Add one event, stamped with the next `seq` and the present time."""
        self.seq += 1
        line = encode({"seq": self.seq, "t": utc_text(time.time_ns()), "type": kind, **fields})
        self._pending += line.encode("ascii") + b"\n"

    def flush(self) -> None:
        """Write what waits. A failure is kept in `failure` and tried again a second later."""
        if not self._pending or (self.failure and time.monotonic() < self._failed_at + RETRY_SECONDS):
            return
        try:
            self._look_for_others()
            self._rotate_if_full()
            self._write()
        except OSError as error:
            self.failure = self.failure or str(error)
            self._failed_at = time.monotonic()
        else:
            self._recover()

    def close(self) -> None:
        os.close(self._fd)

    def _write(self) -> None:
        while self._pending:
            written = os.write(self._fd, self._pending)
            self._size += written
            self._mid_line = self._pending[written - 1 : written] != b"\n"
            del self._pending[:written]

    def _look_for_others(self) -> None:
        """See whether the file is still ours alone, and as we left it."""
        found = os.fstat(self._fd)
        if found.st_nlink == 0:
            os.close(self._fd)
            self._fd, self._size = _open_active(self.directory), 0
            self._tell_of_others("cron.log was removed", 0)
            self._first = self.seq - self._pending.count(b"\n") + 1
        elif found.st_size > self._size:
            ended = os.pread(self._fd, 1, found.st_size - 1) == b"\n"
            added = 0 if ended else os.write(self._fd, b"\n")
            ours, self._size = self._size, found.st_size + added
            self._tell_of_others("somebody else wrote into cron.log", ours)
        elif found.st_size < self._size:
            self._size = found.st_size
            self._tell_of_others("cron.log was cut", found.st_size)

    def _tell_of_others(self, what: str, place: int) -> None:
        """The lines that wait get numbers above all that stand in the file from `place` on. The rest of one
        whose beginning was written is lost: it has no beginning any more."""
        waiting = self._pending.partition(b"\n")[2] if self._mid_line else self._pending
        lines = waiting.splitlines(keepends=True)
        self._pending, self._mid_line = bytearray(), False
        self.seq = highest(self.seq - len(lines), numbers_from(self._fd, place)) or 0
        for line in lines:
            self.seq += 1
            self._pending += b'{"seq":%d' % self.seq + line[line.index(b",") :]
        self.append("log_touched", {"reason": what})

    def _recover(self) -> None:
        if self.failure:
            reason, self.failure = self.failure, None
            self.append("log_resumed", {"reason": reason})

    def _rotate_if_full(self) -> None:
        full = self._size > 0 and self._size + len(self._pending) > self.segment
        if full and not self._mid_line:
            self._rotate()
            self._forget_oldest()

    def _rotate(self) -> None:
        """The new file is made before the old one is renamed, so that a full disk changes nothing."""
        following = f"{self.directory}/{NEXT}"
        fd = os.open(following, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.rename(self.active, segment_path(self.directory, self._first))
        os.rename(following, self.active)
        os.close(self._fd)
        self._fd, self._size = fd, 0
        self._first = self.seq - self._pending.count(b"\n") + 1

    def _forget_oldest(self) -> None:
        segments = finished_segments(self.directory)
        sizes = [os.stat(segment.path).st_size for segment in segments]
        surplus = sum(sizes) + self.segment - self.total
        for segment, size in zip(segments, sizes, strict=True):
            if surplus <= 0:
                break
            os.unlink(segment.path)
            surplus -= size

    def _repair(self) -> int:
        """Cut the active segment after its last whole event -> the last `seq` ever given."""
        seq, size = last_seq(self._fd)
        if size != os.fstat(self._fd).st_size:
            os.ftruncate(self._fd, size)
        before = _newest_finished_seq(self.directory)
        return highest(before or None, [] if seq is None else [seq]) or 0


def _open_active(directory: str) -> int:
    return os.open(f"{directory}/{ACTIVE}", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _newest_finished_seq(directory: str) -> int:
    """Where the numbering stood when the active segment was begun: at the end of the one before."""
    segments = finished_segments(directory)
    if not segments:
        return 0
    fd = os.open(segments[-1].path, os.O_RDWR | os.O_CLOEXEC)
    try:
        seq, size = last_seq(fd)
        os.ftruncate(fd, size)
    finally:
        os.close(fd)
    return seq if seq is not None else segments[-1].first - 1
