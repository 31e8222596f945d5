"""Keeps the snapshot of the history: at once after what a person did, else now and then."""

from __future__ import annotations

import contextlib
import time

from .log import Log
from .state import State, save_state

SECONDS_BETWEEN = 5.0
EVENTS_BETWEEN = 10_000
"""So many events at most are read again at a boot."""


class Keeper:
    def __init__(self, path: str, state: State, log: Log) -> None:
        self._path = path
        self._state = state
        self._log = log
        self._saved_at = 0.0
        self._saved_seq = -1
        self._saved_changes = -1

    @property
    def due(self) -> float | None:
        """When a snapshot is to be taken, monotonic; None if the one there will do, or none can be taken."""
        if self._log.failure is not None:
            return None
        changed = self._state.history.changes != self._saved_changes
        old = changed or self._log.seq > self._saved_seq + EVENTS_BETWEEN
        return self._saved_at + SECONDS_BETWEEN if old else None

    def save_if_due(self) -> None:
        due = self.due
        if due is not None and time.monotonic() >= due:
            self.save(durable=False)

    def save(self, *, durable: bool = True) -> None:
        """Take the snapshot now, but none that is ahead of the log.

        If the disk is full, the one there stands, and the log knows what came later.
        """
        self._saved_at = time.monotonic()
        self._log.flush()
        if self._log.failure is not None:
            return
        seq, changes = self._log.seq, self._state.history.changes
        with contextlib.suppress(OSError):
            save_state(self._path, self._state, seq, durable=durable)
            self._saved_seq, self._saved_changes = seq, changes
