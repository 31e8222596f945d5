"""`after`: a run that waits for the runs of other jobs that came before it."""

from __future__ import annotations

from .admission import Hold, Refuse
from .clock import Now, utc_minute_text
from .history import UNFINISHED, History
from .request import Request, Trigger
from .schedule import MINUTE, newest_slot
from .table import Job, Table


def upstream(request: Request, table: Table, history: History, now: Now) -> Hold | Refuse | None:
    """None when every job that it comes after has succeeded for its newest slot not later than this one's.

    Holds only what a schedule asked for: a person who runs a job by hand means now.
    """
    job, slot = request.job, request.slot
    if not job.after or slot is None or request.attempt > 1:
        return None
    if request.trigger not in (Trigger.CRON, Trigger.CATCHUP):
        return None
    for name in job.after:
        verdict = _one(name, slot, table, history)
        if isinstance(verdict, Hold):
            verdict = _in_time(verdict, slot + job.delay + job.after_wait, now)
        if verdict is not None:
            return verdict
    return None


def _one(name: str, slot: int, table: Table, history: History) -> Hold | Refuse | None:
    job = table.jobs.get(name)
    wanted = None if job is None else _slot_before(job, slot, history)
    if job is None or wanted is None:
        return Refuse(f"after {name}: it has no slot to wait for")
    past = history.past(job)
    status = past.slots.get(wanted)
    when = utc_minute_text(wanted)
    if status == "succeeded":
        return None
    if status in UNFINISHED:
        return Hold(f"after {name}: its run for {when} is not done")
    if status is None and wanted // MINUTE >= past.since // MINUTE:
        return Hold(f"after {name}: its run for {when} has not begun")
    return Refuse(f"after {name}: its run for {when} {_words(status)}")


def _words(status: str | None) -> str:
    if status is None:
        return "is not on record"
    return status.replace("_", " ") if status in ("failed", "timed_out") else f"was {status}"


def _slot_before(job: Job, slot: int, history: History) -> int | None:
    """The upstream's newest slot not later than `slot`: by its schedule, or one that cron started it for,
    which after a change of the clock can be a minute that the schedule does not name."""
    named = None if job.schedule is None else newest_slot(job.schedule, slot)
    seen = [known for known in history.past(job).slots if known <= slot]
    return max([*seen, *([] if named is None else [named])], default=None)


def _in_time(hold: Hold, deadline: float, now: Now) -> Hold | Refuse:
    if now.wall >= deadline:
        return Refuse(f"{hold.reason}, and its time to wait is over")
    return hold._replace(until=now.mono + (deadline - now.wall))
