"""Bytes of a box's log, cut anywhere, become whole lines, events, and chunks for `ingest`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from cronbox.errors import LogGap
from cronbox.model.event import Event, parse_event
from cronbox.ops.ingest import ingest
from cronbox.ops.lines import LONGEST_LINE, Lines
from cronbox.store import Store

MAX_EVENTS = 2_000
MAX_BYTES = 1024 * 1024
"""What one transaction takes at most, so that the writers of other boxes have their turn."""

MOST_HELD = 200
"""So many events at most wait for a proof that there is a hole before them."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hole:
    """Nothing was read between the events `after` and `until`."""

    after: int
    until: int


class Intake:
    """Feeds one log into the store. Lines that are no events are passed over with a warning.

    A hole raises LogGap, so that the log is read again; `hole` says then which it was. One that was there
    before, and any with `final`, where what was fed is all there is, is the log's own, and reading goes on
    behind it.
    """

    def __init__(
        self,
        store: Store,
        box: str,
        *,
        log_id: str,
        now: Callable[[], datetime],
        known: Hole | None = None,
        final: bool = False,
    ) -> None:
        self._store = store
        self._box = box
        self._log_id = log_id
        self._now = now
        self._first_seq: int | None = None
        self._known = known
        self.hole: Hole | None = None
        self._final = final
        self._lines = Lines()
        self._held: list[Event] = []

    def feed(self, data: bytes) -> None:
        """The next bytes of the log. The beginning of a line waits for its end."""
        too_long = self._lines.too_long
        for batch in _batches(self._lines.feed(data)):
            self._take([*self._held, *_events(batch, self._box)])
        if self._lines.too_long > too_long:
            log.warning("log_line_skipped", box=self._box, error=f"longer than {LONGEST_LINE} bytes")

    def take_files(self, contents: Iterable[bytes]) -> None:
        """Whole files of the log, in their order. What no newline ends at the end of one is let go."""
        for content in contents:
            self.feed(content)
            self._lines = Lines()

    def _take(self, events: Sequence[Event]) -> None:
        self._held = []
        while events:
            try:
                ingest(
                    self._store,
                    self._box,
                    events,
                    log_id=self._log_id,
                    now=self._now(),
                    first_seq=self._first_seq,
                )
                return
            except LogGap:
                cursor = self._store.cursor(self._box)
                seq = cursor.seq if cursor and cursor.log_id == self._log_id else 0
                before, events = events, self._behind_the_hole(events, seq)
                if not self._is_the_logs_own(seq):
                    self.hole = Hole(seq, min(event.seq for event in before if event.seq > seq))
                    raise

    def _is_the_logs_own(self, seq: int) -> bool:
        """Whether the hole behind event `seq`, as far as it is known by now, was there before."""
        if self._final or self._known is None or self._known.after != seq:
            return self._final
        return self._first_seq is None or self._first_seq <= self._known.until

    def _behind_the_hole(self, events: Sequence[Event], seq: int) -> Sequence[Event]:
        """What is taken next; nothing, while it must wait for proof that there is a hole."""
        ahead = {event.seq: event for event in reversed(events) if event.seq > seq}
        waiting = [event for event in events if ahead.get(event.seq) is event]
        self._first_seq = _goes_on_at([event.seq for event in waiting])
        if self._first_seq is not None:
            return waiting
        self._held = waiting
        return ()


def _goes_on_at(numbers: Sequence[int]) -> int | None:
    """Where a log goes on behind a hole; None while that is not clear. One line with a wrong number is no
    proof of a hole, two that follow each other are; and so are MOST_HELD of whatever numbers."""
    seen: set[int] = set()
    for number in numbers:
        if number - 1 in seen:
            return min(one for one in seen if one < number)
        seen.add(number)
    return min(numbers) if len(numbers) > MOST_HELD else None


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if len(batch) >= MAX_EVENTS or size >= MAX_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _events(lines: Iterable[bytes], box: str) -> Iterator[Event]:
    for line in lines:
        try:
            yield parse_event(line)
        except ValueError as error:
            log.warning("log_line_skipped", box=box, error=str(error)[:200], line=line[:200])
