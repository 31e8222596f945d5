"""/run/cronbox/status.json: what the agent is doing, rewritten at most once a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .files import write_whole

SECONDS_BETWEEN = 1.0


class StatusFile:
    def __init__(self, path: str, describe: Callable[[], dict[str, Any]]) -> None:
        """`describe` gives the content at the time of writing."""
        self._path = path
        self._describe = describe
        self._written_at = 0.0
        self._stale = True

    def changed(self) -> None:
        """What the file says is no longer so."""
        self._stale = True

    @property
    def due(self) -> float | None:
        """When the file is to be written again, monotonic; None if it is right."""
        return self._written_at + SECONDS_BETWEEN if self._stale else None

    def write(self) -> None:
        """Write it if it is due. Raises OSError."""
        due = self.due
        now = time.monotonic()
        if due is None or now < due:
            return
        self._stale, self._written_at = False, now
        write_whole(self._path, json.dumps(self._describe()).encode() + b"\n", durable=False)
