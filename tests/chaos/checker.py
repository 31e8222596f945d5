"""Holds what the store says against what really happened. Pure: a history in, findings out; none is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from cronbox.model.event import format_time
from cronbox.model.run import OPEN, Run, Status, Trigger
from tests.chaos import slots
from tests.chaos.findings import Finding, Life, lives, may_be_unknown, named, of_row
from tests.chaos.plan import Overlap
from tests.chaos.truth import RESOLUTION_S, History

NEAR_S = 3.0
"""How near its beginning, or its end, a run's box may have died before the other side could tell of it."""

LAST_S = 0.5
"""How long a shell may take from its last command to its end, on a busy machine."""

TOLD_TO_END = frozenset({Status.KILLED, Status.TIMED_OUT})


def check(history: History) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(history)]


# -- one run, one row --------------------------------------------------------------------------------------


def none_missing(history: History) -> Iterator[Finding]:
    """What began has a row, of the same job, attempt and slot."""
    rows = {run.id: run for run in history.runs}
    for box in history.jobs:
        for life in lives(history, box).values():
            mark, run = life.begun, rows.get(life.begun.run)
            if run is None:
                if not may_be_unknown(history, box, life):
                    yield Finding("missing", f"{named(box, mark)} ran, and has no row")
                continue
            slot = format_time(run.scheduled_for) if run.scheduled_for else None
            told = (run.box, run.job, run.attempt, run.trigger.value, slot)
            if told != (box, mark.job, mark.attempt, mark.trigger, mark.slot):
                yield Finding("different", f"{named(box, mark)} is on record as {told}")


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
            yield Finding("open", f"{of_row(run)} is still {run.status}")


def ends_agree(history: History) -> Iterator[Finding]:
    """The row's end is the one that the run itself told of, or that its box's death explains."""
    told = {run: life for box in history.jobs for run, life in lives(history, box).items()}
    for run in history.runs:
        if (why := _disagreement(history, run, told.get(run.id))) is not None:
            yield Finding("untrue", f"{of_row(run)} is {run.status}, but {why}")


def _disagreement(history: History, run: Run, life: Life | None) -> str | None:
    match run.status:
        case Status.SKIPPED | Status.MISSED:
            return "it ran" if life else None
        case Status.SUCCEEDED | Status.FAILED:
            return _of_an_end(run, life)
        case Status.KILLED | Status.TIMED_OUT:
            return _of_a_kill(run, life) if life and life.ended and not life.told else None
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


def _of_a_kill(run: Run, life: Life) -> str | None:
    """A run may be told to end just when it has done its last: it notes nothing of that any more, and its own
    exit code stands beside `killed`."""
    assert life.ended is not None
    lasted = life.ended.at - life.begun.at
    if run.exit_code == life.ended.code and run.duration_s is not None and run.duration_s < lasted + LAST_S:
        return None
    return "it came to its end by itself"


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
                    yield Finding("overlap", f"{named(box, next_one.begun)} began beside {one.begun.run}")


def _gone(history: History, box: str, one: Life, next_one: Life, row: Run | None) -> bool:
    if one.over is not None:
        return one.over <= next_one.begun.at + RESOLUTION_S
    killed = row is not None and row.status in TOLD_TO_END
    return killed or history.died(box, one.begun.at, next_one.begun.at)


def retries_kept(history: History) -> Iterator[Finding]:
    """A further attempt follows one that failed, or that its box cut off when it stopped, and there are no
    more than the job may have."""
    told = {run: life for box in history.jobs for run, life in lives(history, box).items()}
    allowed = {(box, job.name): job.retries for box, jobs in history.jobs.items() for job in jobs}
    attempts = {(run.first_attempt, run.attempt): run for run in history.runs}
    for (first, number), run in attempts.items():
        if number == 1:
            continue
        before = attempts.get((first, number - 1))
        if number > 1 + allowed.get((run.box, run.job), 0):
            yield Finding("retries", f"{of_row(run)} is attempt {number}")
        if before is None or not _asks_for_another(history, before, told.get(before.id)):
            yield Finding("retries", f"{of_row(run)} follows {of_row(before) if before else 'nothing'}")


def _asks_for_another(history: History, run: Run, life: Life | None) -> bool:
    if run.status is not Status.KILLED:
        return run.status in (Status.FAILED, Status.LOST, Status.TIMED_OUT)
    end = life.over if life else None
    return end is not None and history.died(run.box, end - NEAR_S, end + NEAR_S)


def firings_answered(history: History) -> Iterator[Finding]:
    """What was set off by hand has as many first attempts as the FIFO took, but for those that came to a new
    box before its crontab."""
    rows = Counter((run.box, run.job) for run in history.runs if run.attempt == 1)
    sure: Counter[tuple[str, str]] = Counter()
    most: Counter[tuple[str, str]] = Counter()
    for fired in history.fired:
        most[fired.box, fired.job] += 1
        sure[fired.box, fired.job] += fired.sure and not history.died(fired.box, fired.at, fired.at + NEAR_S)
    for box, told in history.told.items():
        sure.subtract((box, each.job) for each in told if each.type == "unknown_job")
    for (box, job), times in most.items():
        if not sure[box, job] <= rows[box, job] <= times:
            expected = f"{sure[box, job]} to {times}"
            yield Finding("firings", f"{box}/{job} has {rows[box, job]} rows, set off {expected} times")


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
                yield Finding("output", f"{of_row(row)} printed {whole} lines, on record are {len(found)}")


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
    slots.every_slot_accounted,
    slots.no_slot_invented,
    slots.edits_kept,
    slots.none_missed_without_cause,
    slots.caught_up,
    slots.skips_have_a_cause,
    output_whole,
    log_gapless,
)
