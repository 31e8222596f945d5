"""A box's log, read from outside: followed while the box runs, read to its end when it stands still."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from cronbox.engine import AGENT, Engine, Stream
from cronbox.errors import BoxNotRunning, EngineError, LogGap, NotFound
from cronbox.model.event import parse_event
from cronbox.ops.ingest import rewind
from cronbox.ops.intake import Hole, Intake
from cronbox.store import Store

RETRY_S = 1.0
"""How long to wait before a log whose stream ended, or had a gap, is followed again."""

LONGEST_HEAD = 64 * 1024

ACTIVE, STATE = "cron.log", "state.json"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """The first line that `follow` prints: which log this is, and which events it holds."""

    log_id: str
    first_seq: int | None
    last_seq: int


class Tail:
    """Follows the log of one running box into the store."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        box: str,
        *,
        container: str,
        now: Callable[[], datetime],
        retry_s: float = RETRY_S,
    ) -> None:
        self.container = container
        self._engine = engine
        self._store = store
        self._box = box
        self._now = now
        self._retry_s = retry_s
        self._stopped = threading.Event()
        self._stream: Stream[bytes] | None = None
        self._log_id: str | None = None
        self._hole: Hole | None = None
        self._ended_at: int | None = None

    def run(self) -> None:
        """Follow until `stop`, or until the box stands still or is gone. Raises EngineError, NoEngine or
        StoreError."""
        while not self._stopped.is_set():
            try:
                self._follow(to_the_end=False)
            except (BoxNotRunning, NotFound):
                return
            self._stopped.wait(self._retry_s)

    def catch_up(self) -> bool:
        """Read what the log holds now -> whether it is all in the store; not, if somebody called `stop`."""
        while not (done := self._follow(to_the_end=True)) and not self._stopped.is_set():
            self._stopped.wait(self._retry_s / 10)
        return done

    def stop(self) -> None:
        """End `run`, from any thread. What was read is in the store."""
        self._stopped.set()
        if (stream := self._stream) is not None:
            stream.close()

    def _follow(self, *, to_the_end: bool) -> bool:
        """One stream, from the cursor on -> whether all that the log held at its opening is in the store."""
        seq = self._position()
        with self._engine.stream(self.container, [*AGENT, "follow", str(seq)]) as stream:
            self._stream = stream
            if self._stopped.is_set():
                return False
            chunks = iter(stream)
            head, rest = _read_head(chunks)
            if head is None or not self._fits(head, seq) or self._is_cut(head, seq):
                return False
            intake = self._intake(head)
            try:
                return self._feed(intake, head, rest, chunks, to_the_end=to_the_end)
            except LogGap as gap:
                log.warning("log_gap_found", box=self._box, error=gap.message)
                self._hole = intake.hole
                return False

    def _position(self) -> int:
        """Where to read on: behind the cursor, or at the beginning of a log that the cursor is not of."""
        cursor = self._store.cursor(self._box)
        if cursor is None or self._log_id not in (None, cursor.log_id):
            return 0
        return cursor.seq

    def _fits(self, head: Head, seq: int) -> bool:
        """Whether the stream was opened at a place of this very log; if not, the next one is."""
        self._log_id = head.log_id
        return seq == self._position()

    def _is_cut(self, head: Head, seq: int) -> bool:
        """Whether the log ends before event `seq`, up to which it was read before this stream was opened.
        One that does so twice is read on from its end."""
        if head.last_seq >= seq:
            self._ended_at = None
            return False
        if self._ended_at == head.last_seq:
            rewind(self._store, self._box, log_id=head.log_id, seq=head.last_seq, now=self._now())
        self._ended_at = head.last_seq
        return True

    def _intake(self, head: Head) -> Intake:
        """A gap that is there when the log is read again is its own, as is one before its first event."""
        place, first = self._position(), head.first_seq
        known = Hole(place, first) if first is not None and first > place + 1 else self._hole
        return Intake(self._store, self._box, log_id=head.log_id, now=self._now, known=known)

    def _feed(
        self, intake: Intake, head: Head, rest: bytes, chunks: Iterator[bytes], *, to_the_end: bool
    ) -> bool:
        intake.feed(rest)
        while not (done := self._position() >= head.last_seq) or not to_the_end:
            chunk = next(chunks, None)
            if chunk is None:
                return done
            intake.feed(chunk)
        return done


def read_stopped(
    engine: Engine, store: Store, box: str, *, container: str, now: Callable[[], datetime]
) -> None:
    """Read the log of a box that stands still to its end. Half a line there is left for the next boot."""
    cursor = store.cursor(box)
    log_id: str | None = None
    unread: list[bytes] = []
    intake: Intake | None = None
    for name, content in engine.read_log(container):
        if name == STATE:
            log_id = _log_id_of(content)
        if not _is_segment(name):
            continue
        unread.append(content)
        log_id = log_id or _log_id_in(content)
        if log_id is not None:
            intake = intake or Intake(store, box, log_id=log_id, now=now, final=True)
            intake.take_files(unread)
            unread = []
    if unread and cursor is not None:
        Intake(store, box, log_id=cursor.log_id, now=now, final=True).take_files(unread)


def _log_id_of(state: bytes) -> str | None:
    """Which log it is, as the agent keeps it beside the segments. Their lines may not all be its own."""
    try:
        log_id = json.loads(state)["log_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return log_id if isinstance(log_id, str) else None


def _is_segment(name: str) -> bool:
    return name == ACTIVE or (name.startswith("cron-") and name.endswith(".log"))


def _log_id_in(content: bytes) -> str | None:
    """Which log a segment is of, if the box booted in it."""
    for line in content.splitlines():
        if b'"log_id"' in line:
            try:
                event = parse_event(line)
            except ValueError:
                continue
            if event.type == "boot" and isinstance(log_id := event.data.get("log_id"), str):
                return log_id
    return None


def _read_head(chunks: Iterator[bytes]) -> tuple[Head | None, bytes]:
    """The head line, None where the stream ended before it, and what came behind it. Raises EngineError."""
    data = b""
    for chunk in chunks:
        data += chunk
        if b"\n" in data:
            line, rest = data.split(b"\n", 1)
            return _head(line), rest
        if len(data) > LONGEST_HEAD:
            return _head(data), b""
    return None, b""


def _head(line: bytes) -> Head:
    try:
        raw = json.loads(line)
        first = raw["first_seq"]
        return Head(str(raw["log_id"]), None if first is None else int(first), int(raw["last_seq"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise EngineError(
            f"the agent's log cannot be followed: it begins with {line[:100]!r}",
            hint="`cronbox doctor` looks closer",
        ) from None
