"""Notices when somebody changes the installed crontab in the box behind cronbox's back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .install import installed
from .loop import Loop
from .paths import Paths

LOOK_EVERY_S = 5.0

Tell = Callable[[str, dict[str, Any]], None]


class Watchman:
    """Tells `drifted`, with a reason, once for each change that cronbox did not make.

    A look costs one stat; the file is read only when that has changed.
    """

    def __init__(self, paths: Paths, loop: Loop, tell: Tell) -> None:
        self._paths = paths
        self._loop = loop
        self._tell = tell
        self._seen = self._signatures()

    def begin(self) -> None:
        """Look now and then, from now on."""
        self._loop.after(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self.begin()
        seen = self._signatures()
        if seen == self._seen:
            return
        self._seen = seen
        state = installed(self._paths)
        if not state.intact and seen[1] is not None:
            self._tell("drifted", {"reason": state.reason})

    def _signatures(self) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        """Of the crontab and of the table: an install and a removal between two looks change the latter."""
        return _signature(self._paths.crontab), _signature(self._paths.table)


def _signature(path: str) -> tuple[int, ...] | None:
    """Changes with content, owner, mode and links; None while there is no file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
