"""Holds what the store says against what really happened. Pure: a history in, findings out; none is good."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cronbox.model.event import format_time
from cronbox.model.run import OPEN, Run, Status, Trigger
from tests.chaos.plan import Job, Overlap
from tests.chaos.truth import RESOLUTION_S, History, Mark

NEAR_S = 3.0
"""How near its beginning, or its end, a run's box may have died before the other side could tell of it."""

TOLD_TO_END = frozenset({Status.KILLED, Status.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True, slots=True)
class Life:
    """What a run itself wrote down."""

    begun: Mark
    told: Mark | None = None
    ended: Mark | None = None

    @property
    def over(self) -> float | None:
        """When it was gone at the latest; None where nothing tells."""
        mark = self.ended or self.told
        return mark.at if mark else None


def check(history: History) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(history)]


def lives(history: History, box: str) -> dict[str, Life]:
    """What each run of the box wrote, in the order of their beginnings."""
    found: dict[str, dict[str, Mark]] = defaultdict(dict)
    for mark in history.marks.get(box, ()):
        found[mark.run].setdefault(mark.what, mark)
    begun = sorted((marks for marks in found.values() if "begun" in marks), key=lambda m: m["begun"].at)
    return {m["begun"].run: Life(m["begun"], m.get("told"), m.get("ended")) for m in begun}


# -- one run, one row --------------------------------------------------------------------------------------


def none_missing(history: History) -> Iterator[Finding]:
    """What began has a row, of the same job, attempt and slot."""
    rows = {run.id: run for run in history.runs}
    for box in history.jobs:
        for life in lives(history, box).values():
            mark, run = life.begun, rows.get(life.begun.run)
            if run is None:
                yield Finding("missing", f"{_named(box, mark)} ran, and has no row")
                continue
            slot = format_time(run.scheduled_for) if run.scheduled_for else None
            told = (run.box, run.job, run.attempt, run.trigger.value, slot)
            if told != (box, mark.job, mark.attempt, mark.trigger, mark.slot):
                yield Finding("different", f"{_named(box, mark)} is on record as {told}")


def none_doubled(history: History) -> Iterator[Finding]:
    """No run began twice, no id has two rows, no slot's attempt has two."""
    for box in history.jobs:
        begun = Counter(mark.run for mark in history.marks.get(box, ()) if mark.what == "begun")
        for run, times in begun.items():
            if times > 1:
                yield Finding("doubled", f"{box} run {run} began {times} times")
    ids = Counter(run.id for run in history.runs)
    keys = Counter(
        (run.box, run.job, run.scheduled_for, run.occurrence, run.attempt)
        for run in history.runs
        if run.scheduled_for is not None and run.trigger is not Trigger.MANUAL
    )
    for each, times in [*ids.items(), *keys.items()]:
        if times > 1:
            yield Finding("doubled", f"{each} has {times} rows")


def none_open(history: History) -> Iterator[Finding]:
    for run in history.runs:
        if run.status in OPEN:
            yield Finding("open", f"{_row(run)} is still {run.status}")


def ends_agree(history: History) -> Iterator[Finding]:
    """The row's end is the one that the run itself told of, or that its box's death explains."""
    told = {run: life for box in history.jobs for run, life in lives(history, box).items()}
    for run in history.runs:
        if (why := _disagreement(history, run, told.get(run.id))) is not None:
            yield Finding("untrue", f"{_row(run)} is {run.status}, but {why}")


def _disagreement(history: History, run: Run, life: Life | None) -> str | None:
    match run.status:
        case Status.SKIPPED | Status.MISSED:
            return "it ran" if life else None
        case Status.SUCCEEDED | Status.FAILED:
            return _of_an_end(run, life)
        case Status.KILLED | Status.TIMED_OUT:
            return "it came to its end by itself" if life and life.ended and not life.told else None
        case Status.LOST:
            return _of_a_loss(history, run, life)
        case _:
            return None


def _of_an_end(run: Run, life: Life | None) -> str | None:
    if life is None:
        return "it never began"
    if life.ended is None:
        return "it never came to its end"
    if run.exit_code != life.ended.code or (run.status is Status.SUCCEEDED) != (life.ended.code == 0):
        return f"it ended with {life.ended.code}, on record is {run.exit_code}"
    return None


def _of_a_loss(history: History, run: Run, life: Life | None) -> str | None:
    if life is None:
        return None if history.deaths.get(run.box) else "its box never died"
    if not history.died(run.box, life.begun.at, float("inf")):
        return "its box did not die after it began"
    if life.ended is not None and not history.died(run.box, life.begun.at, life.ended.at + NEAR_S):
        return "it came to its end long before its box died"
    return None


# -- policies ----------------------------------------------------------------------------------------------


def no_two_at_once(history: History) -> Iterator[Finding]:
    """But for `overlap=allow`, a run begins when the one before it is gone."""
    rows = {run.id: run for run in history.runs}
    for box, jobs in history.jobs.items():
        of_box = lives(history, box)
        for job in jobs:
            if job.overlap is Overlap.ALLOW:
                continue
            of_job = [life for life in of_box.values() if life.begun.job == job.name]
            for one, next_one in pairwise(of_job):
                if not _gone(history, box, one, next_one, rows.get(one.begun.run)):
                    yield Finding("overlap", f"{_named(box, next_one.begun)} began beside {one.begun.run}")


def _gone(history: History, box: str, one: Life, next_one: Life, row: Run | None) -> bool:
    if one.over is not None:
        return one.over <= next_one.begun.at + RESOLUTION_S
    killed = row is not None and row.status in TOLD_TO_END
    return killed or history.died(box, one.begun.at, next_one.begun.at)


def retries_kept(history: History) -> Iterator[Finding]:
    """A further attempt follows one that failed, and there are no more than the job may have."""
    allowed = {(box, job.name): job.retries for box, jobs in history.jobs.items() for job in jobs}
    attempts = {(run.first_attempt, run.attempt): run for run in history.runs}
    for (first, number), run in attempts.items():
        if number == 1:
            continue
        before = attempts.get((first, number - 1))
        if number > 1 + allowed.get((run.box, run.job), 0):
            yield Finding("retries", f"{_row(run)} is attempt {number}")
        if before is None or before.status not in (Status.FAILED, Status.LOST, Status.TIMED_OUT):
            yield Finding("retries", f"{_row(run)} follows {_row(before) if before else 'nothing'}")


def firings_answered(history: History) -> Iterator[Finding]:
    """What was set off by hand has as many first attempts as the FIFO took."""
    rows = Counter((run.box, run.job) for run in history.runs if run.attempt == 1)
    sure: Counter[tuple[str, str]] = Counter()
    most: Counter[tuple[str, str]] = Counter()
    for fired in history.fired:
        most[fired.box, fired.job] += 1
        sure[fired.box, fired.job] += fired.sure and not history.died(fired.box, fired.at, fired.at + NEAR_S)
    for (box, job), times in most.items():
        if not sure[box, job] <= rows[box, job] <= times:
            expected = f"{sure[box, job]} to {times}"
            yield Finding("firings", f"{box}/{job} has {rows[box, job]} rows, set off {expected} times")


# -- slots -------------------------------------------------------------------------------------------------


def every_slot_accounted(history: History) -> Iterator[Finding]:
    """Each slot of each schedule has its row, and one only; where a clock was set, one at least."""
    first: Counter[tuple[str, str, datetime]] = Counter(
        (run.box, run.job, run.scheduled_for)
        for run in history.runs
        if run.scheduled_for is not None and run.attempt == 1 and run.trigger is not Trigger.MANUAL
    )
    for box, job, slot in scheduled(history):
        rows = first[box, job.name, slot]
        if rows == 0:
            yield Finding("unaccounted", f"{box}/{job.name} has no row for {format_time(slot)}")
        elif rows > 1 and box not in history.bent:
            yield Finding("doubled", f"{box}/{job.name} has {rows} rows for {format_time(slot)}")


def scheduled(history: History) -> Iterator[tuple[str, Job, datetime]]:
    """Every slot that a schedule names."""
    for box, jobs in history.jobs.items():
        for job in jobs:
            for slot in history.slots:
                if slot.minute in job.minutes:
                    yield box, job, slot


def no_slot_invented(history: History) -> Iterator[Finding]:
    """No row stands for a minute that its job's schedule does not name, and none is missed that ran."""
    jobs = {(box, job.name): job for box, of_box in history.jobs.items() for job in of_box if job.minutes}
    ran = {
        (box, life.begun.job, life.begun.slot)
        for box in history.jobs
        for life in lives(history, box).values()
    }
    for run in history.runs:
        job = jobs.get((run.box, run.job))
        if job is None or run.scheduled_for is None:
            continue
        slot = run.scheduled_for
        if slot.second or slot.minute not in job.minutes:
            yield Finding("invented", f"{_row(run)} is for {format_time(slot)}, which is no slot of it")
        if run.status is Status.MISSED and (run.box, run.job, format_time(slot)) in ran:
            yield Finding("invented", f"{_row(run)} is missed, but it ran for {format_time(slot)}")


# -- output and log ----------------------------------------------------------------------------------------


def output_whole(history: History) -> Iterator[Finding]:
    """Every line once and in order, of a run that came to its end; a beginning of them, of another."""
    lines = {(box, job.name): job.lines for box, jobs in history.jobs.items() for job in jobs}
    rows = {run.id: run for run in history.runs}
    for box in history.jobs:
        for run, life in lives(history, box).items():
            found, whole = history.output.get(run, []), lines.get((box, life.begun.job))
            row = rows.get(run)
            if whole is None or row is None:
                continue
            printed = [f"{run} {number}" for number in range(1, whole + 1)]
            complete = life.ended is not None and row.status is not Status.LOST
            if found != (printed if complete else printed[: len(found)]):
                yield Finding("output", f"{_row(row)} printed {whole} lines, on record are {len(found)}")


def log_gapless(history: History) -> Iterator[Finding]:
    for box, seqs in history.log.items():
        if seqs != list(range(1, len(seqs) + 1)):
            odd = next(at for at, seq in enumerate(seqs, 1) if seq != at)
            yield Finding("log", f"the log of {box} goes wrong at event {odd} (seq {seqs[odd - 1]})")


RULES: tuple[Callable[[History], Iterator[Finding]], ...] = (
    none_missing,
    none_doubled,
    none_open,
    ends_agree,
    no_two_at_once,
    retries_kept,
    firings_answered,
    every_slot_accounted,
    no_slot_invented,
    output_whole,
    log_gapless,
)


def _named(box: str, mark: Mark) -> str:
    return f"{box}/{mark.job} run {mark.run}"


def _row(run: Run) -> str:
    return f"{run.box}/{run.job} run {run.id}"
