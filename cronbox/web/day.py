"""A day as a picture: a line for each job, a bar for each run, from where it began to where it ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cronbox.model.moments import span
from cronbox.model.run import Run
from cronbox.store import RunFilter, Store

DAY = timedelta(days=1)
WIDTH = 1440
"""One unit a minute."""
NARROWEST = 2.0
MOST = 10_000
"""Runs that are drawn; a page with more would be of no use."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A run, in units from midnight; or several that ended alike, and lie too close to be told apart."""

    run: Run
    x: float
    width: float
    runs: int = 1

    @property
    def words(self) -> str:
        many = f"{self.runs} runs, the first " if self.runs > 1 else ""
        took = f", took {span(self.run.duration_s)}" if self.run.duration_s is not None else ""
        return f"{many}{self.run.at:%H:%M:%S} {self.run.status.replace('_', ' ')}{took}"

    @property
    def end(self) -> float:
        return self.x + self.width

    def with_next(self, later: Bar) -> Bar:
        return replace(self, width=round(max(self.end, later.end) - self.x, 2), runs=self.runs + 1)


@dataclass(frozen=True, slots=True)
class Line:
    box: str
    job: str
    bars: tuple[Bar, ...]

    @property
    def words(self) -> str:
        """`90 succeeded, 2 failed`."""
        counts: Counter[str] = Counter()
        for bar in self.bars:
            counts[bar.run.status.replace("_", " ")] += bar.runs
        return ", ".join(f"{number} {status}" for status, number in counts.most_common())


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
    lines = tuple(
        Line(box, job, tuple(_joined(_bars(by_job[box, job], begin, now)))) for box, job in sorted(by_job)
    )
    return Timeline(lines, cut=len(runs) > MOST, runs=len(drawn))


def _bars(runs: Sequence[Run], begin: datetime, now: datetime) -> Iterable[Bar]:
    for run in runs:
        first = run.started_at or run.at
        last = run.finished_at or (now if run.status.is_open else first)
        x = min(max(0.0, _units(first - begin)), WIDTH - NARROWEST)
        yield Bar(run, round(x, 2), round(min(max(NARROWEST, _units(last - first)), WIDTH - x), 2))


def _joined(bars: Iterable[Bar]) -> Iterator[Bar]:
    """Bars of one status that touch are one: no line has more than can be seen, however many runs it had."""
    last: Bar | None = None
    for bar in bars:
        if last is not None and bar.x <= last.end and bar.run.status is last.run.status:
            last = last.with_next(bar)
            continue
        if last is not None:
            yield last
        last = bar
    if last is not None:
        yield last


def _units(gap: timedelta) -> float:
    return gap.total_seconds() * WIDTH / DAY.total_seconds()
