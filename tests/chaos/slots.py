"""The checker's rules about slots: which have a row, which must have run, and which must not be there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from cronbox.model.event import format_time
from cronbox.model.run import Run, Status, Trigger
from tests.chaos.findings import Finding, Life, lives, may_be_unknown, of_row
from tests.chaos.plan import Job
from tests.chaos.truth import History

OVER_S = 3.0
"""So long before a slot a run was over without doubt."""
SURE = timedelta(seconds=5)
"""cron acts one to two seconds into a minute, and what is done at its beginning may come before or after."""
CATCHES_UP = timedelta(seconds=20)
"""So long a box is given to make up for what it has missed."""
CATCHUP = "catchup=all"
ENDS = ("cron_exited", "draining", "stopped")


def every_slot_accounted(history: History) -> Iterator[Finding]:
    """Each slot of each schedule has its row, and one only; where a clock was set, one at least."""
    first = _first_rows(history)
    for box, job, slot in scheduled(history):
        rows = first[box, job.name, slot]
        if rows == 0:
            yield Finding("unaccounted", f"{box}/{job.name} has no row for {format_time(slot)}")
        elif rows > 1 and box not in history.bent:
            yield Finding("doubled", f"{box}/{job.name} has {rows} rows for {format_time(slot)}")


def _first_rows(history: History) -> Counter[tuple[str, str, datetime]]:
    """How many rows each slot has, but for further attempts."""
    return Counter(
        (run.box, run.job, run.scheduled_for)
        for run in history.runs
        if run.scheduled_for is not None and run.attempt == 1 and run.trigger is not Trigger.MANUAL
    )


def scheduled(history: History) -> Iterator[tuple[str, Job, datetime]]:
    """Every slot that a schedule names, of jobs that stay as they are."""
    for box, jobs in history.jobs.items():
        for job in jobs:
            for slot in history.slots:
                if slot.minute in job.minutes and job.name not in _edited(history, box):
                    yield box, job, slot


def _edited(history: History, box: str) -> set[str]:
    return {job.name for job in history.edited.get(box, ())}


def no_slot_invented(history: History) -> Iterator[Finding]:
    """No row stands for a minute that its job's schedule does not name, and none is missed that ran."""
    jobs = {(box, job.name): job for box, of_box in history.jobs.items() for job in of_box if job.minutes}
    ran = {
        (box, life.begun.job, life.begun.slot)
        for box in history.jobs
        for life in lives(history, box).values()
        if not may_be_unknown(history, box, life)
    }
    for run in history.runs:
        job = jobs.get((run.box, run.job))
        if job is None or run.scheduled_for is None or job.name in _edited(history, run.box):
            continue
        slot = run.scheduled_for
        if slot.second or slot.minute not in job.minutes:
            yield Finding("invented", f"{of_row(run)} is for {format_time(slot)}, which is no slot of it")
        if run.status is Status.MISSED and (run.box, run.job, format_time(slot)) in ran:
            yield Finding("invented", f"{of_row(run)} is missed, but it ran for {format_time(slot)}")


def edits_kept(history: History) -> Iterator[Finding]:
    """A job that an edit moves, puts in or out has one row for each slot of the crontab that was in force,
    and none for another; in the seconds around an edit either is right."""
    first = _first_rows(history)
    for box, edited in history.edited.items():
        for job in edited:
            for slot in history.slots:
                named = _named_by(history, box, job.name, slot)
                rows = first[box, job.name, slot]
                if named == {True} and rows == 0:
                    yield Finding("unaccounted", f"{box}/{job.name} has no row for {format_time(slot)}")
                if named == {False} and rows > 0:
                    yield Finding("invented", f"{box}/{job.name} has a row for {format_time(slot)}")
                if rows > 1:
                    yield Finding("doubled", f"{box}/{job.name} has {rows} rows for {format_time(slot)}")


def _named_by(history: History, box: str, job: str, slot: datetime) -> set[bool]:
    """What the crontabs say of the slot that the box had loaded around it."""
    plain = {one.name: one for one in history.jobs[box]}
    other = plain | {one.name: one for one in history.edited[box]}
    loaded = [(told.at, told.jobs) for told in history.told.get(box, ()) if told.type == "loaded"]
    before = [jobs for at, jobs in loaded if at <= slot - SURE][-1:] or [len(plain)]
    within = [jobs for at, jobs in loaded if slot - SURE < at < slot + SURE]
    versions = [plain if jobs == len(plain) else other for jobs in before + within]
    return {job in version and slot.minute in version[job].minutes for version in versions}


# -- what must have run ------------------------------------------------------------------------------------


def none_missed_without_cause(history: History) -> Iterator[Finding]:
    """Where box, cron and crontab were sound all around a minute, its slots are not missed: a daemon, a store
    or an engine that is away is no reason."""
    for run in history.runs:
        slot = run.scheduled_for
        if run.status is Status.MISSED and slot in history.slots and is_sound(history, run.box, slot):
            yield Finding("unexplained", f"{of_row(run)} is missed for {format_time(slot)}: {run.reason}")


def is_sound(history: History, box: str, slot: datetime) -> bool:
    """Whether cron lived in the box, with a crontab, all around the minute's beginning."""
    since, until = slot - SURE, slot + SURE
    if box in history.bent or not _undisturbed(history, box, since, until):
        return False
    told = [each for each in history.told.get(box, ()) if each.at <= until]
    started = max((each.at for each in told if each.type == "cron_started"), default=until)
    ended = [each.at for each in told if each.type in ENDS]
    ended += [history.moment_of(death.begun) for death in history.deaths.get(box, ())]
    booted = max((each.at for each in told if each.type == "boot"), default=until)
    loaded = [each.at for each in told if each.type == "loaded" and each.at >= booted]
    over = any(started <= at <= until for at in ended)
    return started < since and not over and bool(loaded) and loaded[0] < since and loaded[-1] < since


def _undisturbed(history: History, box: str, since: datetime, until: datetime) -> bool:
    """Whether nothing was done to the box in this time that kills or freezes what is in it."""
    return not any(
        history.moment_of(done.begun) <= until and since <= history.moment_of(done.ended)
        for done in (*history.deaths.get(box, ()), *history.freezes.get(box, ()))
    )


def caught_up(history: History) -> Iterator[Finding]:
    """With `catchup=all`, no slot stays missed when the box came back after it, and had time."""
    catching = {(box, job.name) for box, jobs in history.jobs.items() for job in jobs if CATCHUP in job.keys}
    for run in history.runs:
        slot = run.scheduled_for
        missed = run.status is Status.MISSED and (run.box, run.job) in catching
        if missed and slot and any(at > slot for at in _returns(history, run.box)):
            yield Finding("catchup", f"{of_row(run)} for {format_time(slot)} was not made up for")


def _returns(history: History, box: str) -> Iterator[datetime]:
    """When the box came back with its crontab, and nothing happened to it for a while."""
    told = history.told.get(box, [])
    for before, each in pairwise(told):
        until = each.at + CATCHES_UP
        calm = not any(each.at <= other.at <= until and other.type in (*ENDS, "paused") for other in told)
        back = each.type == "loaded" and before.type == "boot" and box not in history.bent
        if back and calm and _undisturbed(history, box, each.at, until):
            yield each.at


def skips_have_a_cause(history: History) -> Iterator[Finding]:
    """What was skipped since another run was going on: that run was."""
    told = {run: life for box in history.jobs for run, life in lives(history, box).items()}
    retried = {(box, job.name) for box, jobs in history.jobs.items() for job in jobs if job.retries}
    for run in history.runs:
        found = re.search(r"^overlap: run (\w+) is still running", run.reason or "")
        if run.status is not Status.SKIPPED or not found or (run.box, run.job) in retried:
            continue
        life = told.get(found[1])
        if life is not None and _over_by(history, life, run):
            yield Finding("untrue", f"{of_row(run)} is skipped for {found[1]}, which was over")


def _over_by(history: History, life: Life, skipped: Run) -> bool:
    slot, ended = skipped.scheduled_for, life.ended
    cron = skipped.trigger is Trigger.CRON and skipped.box not in history.bent
    return bool(cron and slot and ended and ended.at + OVER_S < history.since_boot(slot))
