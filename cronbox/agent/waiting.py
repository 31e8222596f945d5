"""The line of runs that wait, first come first served."""

from __future__ import annotations

from collections.abc import Sequence

from .admission import Hold
from .clock import Now
from .request import Request, Trigger

NOT_YET_JUDGED = Hold("")


class Waiting:
    """A run in line. `early` says until when it is not its time yet; `hold` is why it waits."""

    __slots__ = ("early", "hold", "request")

    def __init__(self, request: Request, early: Hold | None) -> None:
        self.request = request
        self.early = early
        self.hold = early or NOT_YET_JUDGED

    def is_early(self, now: Now) -> bool:
        return self.early is not None and self.early.until is not None and now.mono < self.early.until

    @property
    def retries(self) -> bool:
        """It is between two attempts of a run."""
        return self.request.trigger is Trigger.RETRY


class Line:
    """Keeps the order in which they came."""

    def __init__(self) -> None:
        self._by_run: dict[str, Waiting] = {}

    def __bool__(self) -> bool:
        return bool(self._by_run)

    def all(self) -> list[Waiting]:
        return list(self._by_run.values())

    def add(self, waiting: Waiting) -> None:
        self._by_run[waiting.request.run] = waiting

    def find(self, run: str) -> Waiting | None:
        return self._by_run.get(run)

    def remove(self, run: str) -> Waiting | None:
        return self._by_run.pop(run, None)

    def of_job(self, job: str) -> list[Waiting]:
        return [waiting for waiting in self._by_run.values() if waiting.request.job.name == job]

    def before(self, waiting: Waiting, others: Sequence[Waiting]) -> Sequence[Waiting]:
        """Those of `others` that came before it; all, if it is not in line itself."""
        if not others or waiting.request.run not in self._by_run:
            return others
        ahead = set()
        for run in self._by_run:
            if run == waiting.request.run:
                break
            ahead.add(run)
        return [other for other in others if other.request.run in ahead]

    def due(self, now: Now) -> bool:
        """Whether somebody is to be looked at again by now."""
        moment = self.next_look()
        return moment is not None and moment <= now.mono

    def next_look(self) -> float | None:
        """When somebody is to be looked at again, on the monotonic clock."""
        moments = [w.hold.until for w in self._by_run.values() if w.hold.until is not None]
        return min(moments, default=None)
