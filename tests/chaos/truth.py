"""What really happened: what the jobs wrote down, and what was done to them. Times are seconds since the
host's boot (`CLOCK_BOOTTIME`), which no fault bends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cronbox.model.run import Run
from tests.chaos.plan import Job, Kind

BOOT = datetime(1970, 1, 1, tzinfo=UTC)
RESOLUTION_S = 0.02
"""Of the marks' time: /proc/uptime counts hundredths."""


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Mark:
    """One line that a run wrote: `what` is begun, told (to end, by SIGTERM) or ended, with `code`."""

    what: str
    run: str
    job: str
    attempt: int
    trigger: str
    slot: str | None
    at: float
    code: int | None = None


def read_marks(lines: Iterable[str]) -> list[Mark]:
    marks = []
    for line in lines:
        what, run, job, attempt, trigger, slot, at, code = line.split()
        marks.append(
            Mark(
                *(what, run, job, int(attempt), trigger),
                slot=None if slot == "-" else slot,
                at=float(at),
                code=None if code == "-" else int(code),
            )
        )
    return marks


@dataclass(frozen=True, slots=True)
class Done:
    """A fault as it was done: from just before it began to when it was undone."""

    kind: Kind
    target: str
    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Fired:
    """A job that was set off by hand; `sure` if the FIFO took it."""

    box: str
    job: str
    at: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a box's log tells of the box itself: an event's `type`, how many `jobs` it has loaded, and
    the `job` that it does not know."""

    type: str
    at: datetime
    jobs: int = 0
    job: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the checker looks at. `slots` are the minutes (aware UTC) in which the boxes were to
    run their schedules; `deaths` those faults in which processes of a box may have died, `freezes` those in
    which they stood still; `bent` the boxes whose clock was set; `edited` the jobs that the edited crontab of
    a box has in place of, or beside, those of `jobs`; `booted_at` when the host's boot was."""

    jobs: dict[str, tuple[Job, ...]]
    slots: tuple[datetime, ...]
    marks: dict[str, list[Mark]]
    runs: tuple[Run, ...]
    output: dict[str, list[str]] = field(default_factory=dict)
    log: dict[str, list[int]] = field(default_factory=dict)
    """The `seq` of every event in a box's log."""
    fired: tuple[Fired, ...] = ()
    deaths: dict[str, tuple[Done, ...]] = field(default_factory=dict)
    freezes: dict[str, tuple[Done, ...]] = field(default_factory=dict)
    bent: frozenset[str] = frozenset()
    told: dict[str, list[Told]] = field(default_factory=dict)
    edited: dict[str, tuple[Job, ...]] = field(default_factory=dict)
    booted_at: datetime = BOOT

    def since_boot(self, moment: datetime) -> float:
        return (moment - self.booted_at).total_seconds()

    def moment_of(self, at: float) -> datetime:
        return self.booted_at + timedelta(seconds=at)

    def died(self, box: str, since: float, until: float) -> bool:
        """Whether processes of the box may have died in this time."""
        return any(death.begun <= until and since <= death.ended for death in self.deaths.get(box, ()))
