"""The runs that go on, as far as decisions need them: their deadlines, and how they are told to end."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Now
from .decisions import Decision, Kill, Stop
from .request import Request

END_KILL_AFTER = 5.0
"""The most that a job gets between SIGTERM and SIGKILL when the box stops."""


class Active:
    """A run that goes on. `deadline` is when its time is up, or, once it is told to end, its patience."""

    __slots__ = ("cut_off", "deadline", "request", "stopping")

    def __init__(self, request: Request, deadline: float | None) -> None:
        self.request = request
        self.deadline = deadline
        self.stopping = False
        self.cut_off = False
        """It was told to end because the box stops, for no fault of its own."""


class Running:
    """All of them. Places are counted anew each time, so that none can leak."""

    def __init__(self) -> None:
        self._by_run: dict[str, Active] = {}
        self._box_ends = False

    def __len__(self) -> int:
        return len(self._by_run)

    def __contains__(self, run: str) -> bool:
        return run in self._by_run

    def start(self, request: Request, now: Now) -> None:
        timeout = request.job.timeout
        self._by_run[request.run] = Active(request, None if timeout is None else now.mono + timeout)

    def end(self, run: str) -> Active | None:
        """It is over; None if it was not among them."""
        return self._by_run.pop(run, None)

    def of_job(self, job: str) -> list[Request]:
        """Those of one job, oldest first."""
        return [active.request for active in self._by_run.values() if active.request.job.name == job]

    def count(self, which: Callable[[Request], bool]) -> int:
        return sum(1 for active in self._by_run.values() if which(active.request))

    def stop(self, run: str, status: str, reason: str, now: Now) -> list[Decision]:
        """Tell it to end. One that was told so before keeps what it was told."""
        active = self._by_run[run]
        patience = self._patience(active)
        if active.stopping:
            if self._box_ends and active.deadline is not None:
                active.deadline = min(active.deadline, now.mono + patience)
            return []
        active.stopping = True
        active.deadline = now.mono + patience
        return [Stop(run, status, reason)]

    def cut_off(self, now: Now) -> list[Decision]:
        """The box stops, and its grace is over."""
        self._box_ends = True
        decisions: list[Decision] = []
        for run, active in self._by_run.items():
            active.cut_off = not active.stopping
            decisions += self.stop(run, "killed", "the box stopped", now)
        return decisions

    def passed(self, now: Now) -> list[Decision]:
        """Act on every deadline that has passed."""
        decisions: list[Decision] = []
        for run, active in self._by_run.items():
            if active.deadline is None or active.deadline > now.mono:
                continue
            if active.stopping:
                active.deadline = None
                decisions.append(Kill(run))
            else:
                reason = f"timeout after {active.request.job.timeout:g} s"
                decisions += self.stop(run, "timed_out", reason, now)
        return decisions

    def next_deadline(self) -> float | None:
        """When `passed` has something to do, on the monotonic clock."""
        moments = [active.deadline for active in self._by_run.values() if active.deadline is not None]
        return min(moments, default=None)

    def _patience(self, active: Active) -> float:
        kill_after = active.request.job.kill_after
        return min(kill_after, END_KILL_AFTER) if self._box_ends else kill_after
