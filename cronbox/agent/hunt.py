"""Ends everything that a run has started, and knows when nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from .accounts import Account
from .loop import Loop
from .processes import Process, family, send_scout, snapshot

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
UNKILLABLE_SECONDS = 15.0
"""A process that SIGKILL has not ended by then sits in the kernel, perhaps for ever."""


class Hunt:
    """Rounds of: look who is there, signal them, look again later. `on_clear` gets who could not be ended."""

    def __init__(
        self, loop: Loop, run: str, account: Account, session: int, on_clear: Callable[[list[Process]], None]
    ) -> None:
        self._loop = loop
        self._run = run
        self._account = account
        self._session = session
        self._on_clear = on_clear
        self._signal = signal.SIGTERM
        self._signalled: set[int] = set()
        self._killing_since: float | None = None
        self._main_gone = False
        self._pause = FIRST_PAUSE
        self._scout: int | None = None
        self._found = b""
        self._again = False
        self._over = False

    def terminate(self) -> None:
        """Ask every process of the run to end."""
        self._round()

    def kill(self) -> None:
        """End them."""
        self._signal = signal.SIGKILL
        self._killing_since = time.monotonic()
        self._signalled.clear()
        self._pause = FIRST_PAUSE
        self._round()

    def main_gone(self) -> None:
        """The job's own process has ended and been reaped; from now on an empty family means the end."""
        self._main_gone = True
        self._round()

    def _round(self) -> None:
        if self._scout is not None or self._over:
            self._again = True
            return
        self._signal_all(())
        try:
            self._scout = send_scout(self._run, self._account)
        except OSError:
            self._judge(())
            return
        self._found = b""
        self._loop.watch(self._scout, self._scouted)

    def _scouted(self) -> None:
        assert self._scout is not None
        data = os.read(self._scout, 65536)
        self._found += data
        if data:
            return
        self._loop.forget(self._scout)
        os.close(self._scout)
        self._scout = None
        self._judge(tuple(map(int, self._found.split())))

    def _judge(self, marked: tuple[int, ...]) -> None:
        left = self._signal_all(marked)
        stuck = self._killing_since and time.monotonic() > self._killing_since + UNKILLABLE_SECONDS
        if self._main_gone and (not left or stuck):
            self._over = True
            self._on_clear(list(left.values()))
        elif self._again:
            self._again = False
            self._round()
        elif self._main_gone or self._killing_since:
            self._loop.after(self._pause, self._round)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _signal_all(self, marked: tuple[int, ...]) -> dict[int, Process]:
        """Signal the whole family, each process once with SIGTERM, always with SIGKILL -> who is there.

        The job's own process is the first, so that it ends by the signal and not by its child's end.
        """
        found = family(snapshot(), self._session, marked, os.getpid())
        for pid in sorted(found, key=lambda pid: pid != self._session):
            if self._signal is signal.SIGKILL or pid not in self._signalled:
                self._signalled.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, self._signal)
        return found
