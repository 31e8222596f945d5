"""A day as a picture: a line for each job, a bar for each run, from where it began to where it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronbox.model.run import Run
from cronbox.store import RunFilter, Store

DAY = timedelta(days=1)
WIDTH = 1440
"""One unit a minute."""
NARROWEST = 2.0
MOST = 20_000
"""Runs that are drawn; a page with more would be of no use."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A run, in units from midnight."""

    run: Run
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    box: str
    job: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """`cut`: there were more runs than are drawn, the newest are."""

    lines: tuple[Line, ...]
    cut: bool
    runs: int


def timeline(store: Store, begin: datetime, *, now: datetime) -> Timeline:
    """The runs that came up in the day from `begin` on."""
    runs = store.runs(RunFilter(since=begin, until=begin + DAY, limit=MOST + 1))
    drawn = runs[:MOST]
    by_job: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in reversed(drawn):
        by_job[run.box, run.job].append(run)
    lines = tuple(Line(box, job, tuple(_bars(by_job[box, job], begin, now))) for box, job in sorted(by_job))
    return Timeline(lines, cut=len(runs) > MOST, runs=len(drawn))


def _bars(runs: Sequence[Run], begin: datetime, now: datetime) -> Iterable[Bar]:
    for run in runs:
        first = run.started_at or run.at
        last = run.finished_at or (now if run.status.is_open else first)
        x = min(max(0.0, _units(first - begin)), WIDTH - NARROWEST)
        yield Bar(run, round(x, 2), round(min(max(NARROWEST, _units(last - first)), WIDTH - x), 2))


def _units(gap: timedelta) -> float:
    return gap.total_seconds() * WIDTH / DAY.total_seconds()
