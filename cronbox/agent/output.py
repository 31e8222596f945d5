"""A run's output: lines with stream and time, within the run's limit.

The head goes to the log as it comes. Once it is full, the newest bytes are held back in memory, and follow
at the run's end after a note of how much between them was dropped.
"""

from __future__ import annotations

from collections import deque

from .redact import Redactor, Veil

PIECE_BYTES = 64 * 1024
"""A longer line is cut into pieces of this size."""
BATCH_BYTES = 64 * 1024
LINE_COST = 16
"""What a line adds to its batch besides its text: many short lines must not make a huge event."""
TAIL_BYTES = 1024 * 1024
"""The tail is half the limit, but never more than this: it is held in memory."""
BLOCK_BYTES = 64 * 1024

OUT, ERR, NOTE = "out", "err", "note"
Line = list[object]
"""`[t, stream, text]`, and a fourth element False where no newline ends it. t: seconds from the start."""


class Splitter:
    """Cuts one run's streams into lines. A line is complete at its newline, or at PIECE_BYTES."""

    def __init__(self) -> None:
        self._rest: dict[str, bytes] = {}

    def feed(self, stream: str, data: bytes, t: float) -> list[Line]:
        """The lines that `data` completes."""
        *whole, rest = (self._rest.pop(stream, b"") + data).split(b"\n")
        lines: list[Line] = []
        for raw in whole:
            lines.append([t, stream, _text(self._cut(stream, raw, t, lines))])
        rest = self._cut(stream, rest, t, lines)
        if rest:
            self._rest[stream] = rest
        return lines

    @property
    def unfinished(self) -> bool:
        """A line has begun that no newline has ended."""
        return bool(self._rest)

    def flush(self, t: float) -> list[Line]:
        """What no newline has ended."""
        rest, self._rest = self._rest, {}
        return [[t, stream, _text(raw), False] for stream, raw in rest.items()]

    @staticmethod
    def _cut(stream: str, raw: bytes, t: float, lines: list[Line]) -> bytes:
        while len(raw) > PIECE_BYTES:
            lines.append([t, stream, _text(raw[:PIECE_BYTES]), False])
            raw = raw[PIECE_BYTES:]
        return raw


class Output:
    """Takes in what a run prints, gives out batches for the log."""

    def __init__(self, limit: int, redactor: Redactor | None = None) -> None:
        """`limit` in bytes, head and tail together. What is hidden counts as what is shown in its place."""
        self.limit = limit
        self.total = 0
        """Bytes the run has printed."""
        self.dropped = 0
        self._tail_room = min(limit // 2, TAIL_BYTES)
        self._head_room = limit - self._tail_room
        self._splitter = Splitter()
        self._redactor = redactor or Redactor(Veil())
        self._tail: deque[tuple[float, str, bytes]] = deque()
        self._tail_bytes = 0
        self._lines: list[Line] = []
        self._cost = 0

    @property
    def waiting(self) -> bool:
        """Lines wait for a batch."""
        return bool(self._lines)

    @property
    def batch_full(self) -> bool:
        return self._cost >= BATCH_BYTES

    def feed(self, stream: str, data: bytes, t: float) -> None:
        """Take in what was read from a stream. `t` is in seconds since the run's start."""
        self._take_in(stream, self._redactor.feed(stream, data), t)

    def _take_in(self, stream: str, data: bytes, t: float) -> None:
        self.total += len(data)
        t = round(t, 3)
        if self._head_room > 0:
            head, data = data[: self._head_room], data[self._head_room :]
            self._head_room -= len(head)
            self._add(self._splitter.feed(stream, head, t))
        if data:
            self._hold_back(stream, data, t)

    @property
    def unfinished(self) -> bool:
        """A line has begun, and waits for its end: a prompt, perhaps, or the drawing of a bar."""
        return self._splitter.unfinished

    def show_unfinished(self, t: float) -> None:
        """Wait no longer for its end; what follows of it is another piece."""
        self._add(self._splitter.flush(round(t, 3)))

    def note(self, text: str, t: float) -> None:
        """A line of the agent's own, between those of the run."""
        self._add([[round(t, 3), NOTE, text]])

    def finish(self, t: float) -> None:
        """No more will come: release the tail and unfinished lines."""
        for stream, data in self._redactor.flush():
            self._take_in(stream, data, t)
        if self.dropped:
            self._add(self._splitter.flush(round(t, 3)))
            self.note(f"{self.dropped} bytes dropped here: the limit is {self.limit} bytes", t)
        while self._tail:
            moment, stream, data = self._tail.popleft()
            self._add(self._splitter.feed(stream, data, moment))
        self._tail_bytes = 0
        self._add(self._splitter.flush(round(t, 3)))

    def take(self) -> list[Line]:
        """The next batch of lines for one event; empty when none wait."""
        if not self.batch_full:
            lines, self._lines, self._cost = self._lines, [], 0
            return lines
        count, cost = 0, 0
        while cost < BATCH_BYTES:
            cost += _cost(self._lines[count])
            count += 1
        lines, self._lines = self._lines[:count], self._lines[count:]
        self._cost -= cost
        return lines

    def _add(self, lines: list[Line]) -> None:
        self._lines += lines
        self._cost += sum(map(_cost, lines))

    def _hold_back(self, stream: str, data: bytes, t: float) -> None:
        """Small reads are joined to blocks: a million short lines must not cost a million objects."""
        last = self._tail[-1] if self._tail else None
        if last and last[1] == stream and len(last[2]) + len(data) <= BLOCK_BYTES:
            self._tail[-1] = (last[0], stream, last[2] + data)
        else:
            self._tail.append((t, stream, data))
        self._tail_bytes += len(data)
        self._drop_surplus()

    def _drop_surplus(self) -> None:
        surplus = self._tail_bytes - self._tail_room
        while surplus > 0:
            moment, stream, data = self._tail.popleft()
            gone = min(surplus, len(data))
            if gone < len(data):
                self._tail.appendleft((moment, stream, data[gone:]))
            self._tail_bytes -= gone
            self.dropped += gone
            surplus -= gone


def _cost(line: Line) -> int:
    return len(str(line[2])) + LINE_COST


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
