"""Keeps the snapshot of the history: at once after what a person did, else now and then."""

from __future__ import annotations

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
        """When a snapshot is to be taken, monotonic; None if the one there is will do."""
        changed = self._state.history.changes != self._saved_changes
        old = changed or self._log.seq > self._saved_seq + EVENTS_BETWEEN
        return self._saved_at + SECONDS_BETWEEN if old else None

    def save_if_due(self) -> None:
        """Raises OSError; it is tried again when the next is due."""
        due = self.due
        if due is not None and time.monotonic() >= due:
            self.save(durable=False)

    def save(self, *, durable: bool = True) -> None:
        """Take the snapshot now. None is taken ahead of what is in the log. Raises OSError."""
        if self._log.failure is not None:
            return
        self._saved_at = time.monotonic()
        self._log.flush()
        save_state(self._path, self._state, self._log.seq, durable=durable)
        self._saved_seq, self._saved_changes = self._log.seq, self._state.history.changes
