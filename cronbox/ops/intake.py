"""Bytes of a box's log, cut anywhere, become whole lines, events, and chunks for `ingest`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import structlog

from cronbox.errors import LogGap
from cronbox.model.event import Event, parse_event
from cronbox.ops.ingest import ingest
from cronbox.store import Store

MAX_EVENTS = 2_000
MAX_BYTES = 1024 * 1024
"""What one transaction takes at most, so that the writers of other boxes have their turn."""

log = structlog.get_logger()


class Intake:
    """Feeds one log into the store. Lines that are no events are passed over with a warning.

    `first_seq` is where the log says that it begins. With `final`, what was fed is all there is: a hole is
    the log's own, and reading goes on behind it. Without, a hole raises LogGap.
    """

    def __init__(
        self,
        store: Store,
        box: str,
        *,
        log_id: str,
        now: Callable[[], datetime],
        first_seq: int | None,
        final: bool,
    ) -> None:
        self._store = store
        self._box = box
        self._log_id = log_id
        self._now = now
        self._first_seq = first_seq
        self._final = final
        self._rest = b""
        self._held: list[Event] = []

    def feed(self, data: bytes) -> None:
        """The next bytes of the log. The beginning of a line waits for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for batch in _batches(lines):
            self._take([*self._held, *_events(batch, self._box)])

    def _take(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self._held = []
        try:
            ingest(
                self._store,
                self._box,
                events,
                log_id=self._log_id,
                now=self._now(),
                first_seq=self._first_seq,
            )
        except LogGap:
            if not self._final:
                raise
            self._step_over(events)

    def _step_over(self, events: Sequence[Event]) -> None:
        """Go on behind a hole. One line with a wrong number is no proof of a hole, two in a row are."""
        cursor = self._store.cursor(self._box)
        seq = cursor.seq if cursor and cursor.log_id == self._log_id else 0
        ahead = [event for event in events if event.seq > seq]
        behind = next((a.seq for a, b in pairwise(ahead) if b.seq == a.seq + 1), None)
        if behind is None:
            self._held = ahead
        else:
            self._first_seq = behind
            self._take(ahead)


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
