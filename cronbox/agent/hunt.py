"""Ends everything that a run has started, and knows when nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from .accounts import Account
from .loop import Loop
from .processes import Process, can_freeze, family, freeze, snapshot, thaw
from .scout import Mark, Sighting, send_scout, sighting

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
UNKILLABLE_SECONDS = 15.0
"""A process that SIGKILL has not ended by then sits in the kernel, perhaps for ever."""

OnClear = Callable[[list[Process]], None]


class Hunt:
    """Rounds of: look who is there, signal them, look again later. `on_clear` gets who could not be ended.

    What forks and ends faster than one can look is caught by a round in which the whole box stands still. One
    follows on each that was not sure of what it saw, and on each with SIGKILL that met new faces.
    """

    def __init__(self, loop: Loop, mark: Mark, account: Account, session: int, on_clear: OnClear) -> None:
        self.killed: dict[int, Process] = {}
        """Whom SIGTERM did not end."""
        self._loop = loop
        self._mark = mark
        self._account = account
        self._session = session
        self._on_clear = on_clear
        self._signal = signal.SIGTERM
        self._signalled: set[int] = set()
        self._killing_since: float | None = None
        self._slippery = False
        self._frozen = False
        self._main_gone = False
        self._pause = FIRST_PAUSE
        self._scout: int | None = None
        self._report = b""
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
        self._signal_all(frozenset())
        if self._slippery:
            self._frozen = True
            freeze()
        try:
            self._scout = send_scout(self._mark, self._account)
        except OSError:
            self._judge(Sighting(frozenset(), sure=False))
            return
        self._report = b""
        self._loop.watch(self._scout, self._scouted)

    def _scouted(self) -> None:
        assert self._scout is not None
        data = os.read(self._scout, 65536)
        self._report += data
        if data:
            return
        self._loop.forget(self._scout)
        os.close(self._scout)
        self._scout = None
        self._judge(sighting(self._report))

    def _judge(self, seen: Sighting) -> None:
        known = frozenset(self._signalled)
        left = self._signal_all(seen.pids)
        if self._frozen:
            self._frozen = False
            thaw()
        fresh = (left.keys() | seen.pids) - known
        unsure = not seen.sure and can_freeze()
        self._slippery = unsure or bool(self._killing_since and fresh)
        clear = not (unsure or left or seen.pids)
        stuck = self._killing_since and time.monotonic() > self._killing_since + UNKILLABLE_SECONDS
        if self._main_gone and (clear or stuck):
            self._over = True
            self._on_clear(list(left.values()))
        elif self._again:
            self._again = False
            self._round()
        elif self._main_gone or self._killing_since:
            self._loop.after(self._pause, self._round)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _signal_all(self, marked: frozenset[int]) -> dict[int, Process]:
        """Signal the whole family, each process once with SIGTERM, always with SIGKILL -> who is there.

        The job's own process is the first, so that it ends by the signal and not by its child's end.
        """
        found = family(snapshot(), self._session, marked, os.getpid())
        for pid in sorted(found, key=lambda pid: pid != self._session):
            if self._signal is signal.SIGKILL:
                self.killed[pid] = found[pid]
            elif pid in self._signalled:
                continue
            self._signalled.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self._signal)
        return found
