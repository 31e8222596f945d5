"""The schedule keeper: a real crond as a child, started again whenever it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from .environment import container_environment
from .loop import Loop
from .paths import Paths
from .spawn import TO_DEFAULT

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
STEADY_SECONDS = 60.0
"""A crond that lived this long is started again at once."""

Tell = Callable[[str, dict[str, Any]], None]


class Crond:
    """Tells `cron_started` and `cron_exited`."""

    def __init__(self, paths: Paths, loop: Loop, tell: Tell) -> None:
        self.pid: int | None = None
        self._paths = paths
        self._loop = loop
        self._tell = tell
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self._wanted = True

    def start(self) -> None:
        """Start it, with the container's own environment: its TZ is the schedule's time zone."""
        if not self._wanted:
            return
        for path in self._paths.crond_leftovers:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._started = time.monotonic()
        try:
            self.pid = _spawn(self._paths.crond)
        except OSError:
            self._loop.after(LONGEST_PAUSE, self.start)
            raise
        self._tell("cron_started", {"pid": self.pid})

    def exited(self, status: int) -> None:
        """It was reaped. It is started again, after a pause that grows while it keeps dying young."""
        code = os.waitstatus_to_exitcode(status)
        exit_code, number = (code, None) if code >= 0 else (None, -code)
        self.pid = None
        if not self._wanted:
            return
        self._tell("cron_exited", {"exit_code": exit_code, "signal": number})
        steady = time.monotonic() - self._started >= STEADY_SECONDS
        self._pause = FIRST_PAUSE if steady else min(self._pause * 2, LONGEST_PAUSE)
        self._loop.after(self._pause, self.start)

    def stop(self) -> None:
        """End it for good. Its end is not told: the box's own is the last word of the log."""
        self._wanted = False
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)


def _spawn(argv: tuple[str, ...]) -> int:
    """What crond prints it also logs to /dev/log, where it cannot block it. Raises OSError."""
    null = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in range(3)]
    return os.posix_spawn(
        argv[0],
        argv,
        container_environment(),
        file_actions=null,
        setsid=True,
        setsigmask=(),
        setsigdef=TO_DEFAULT,
    )
