"""Run past slots of a job: oldest first, some at a time, and on again after an interruption.

What is done stands in the store and in the box, nowhere else: the same request after a Ctrl-C or a crash
leaves out the slots that have succeeded, and waits for the runs that still go on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cronbox.errors import EngineError, UsageError
from cronbox.model.backfill import Plan, plan_for, slots_between
from cronbox.model.event import Event
from cronbox.model.job import Job, Overlap
from cronbox.model.run import Status, end_status
from cronbox.ops import Site
from cronbox.ops.catchup import catch_up
from cronbox.ops.inside import box_inside
from cronbox.ops.runs import Asked, check_taken, followed_log, log_end, start

LAG_S = 15.0
"""How long a daemon may take until the store has what the log has."""
LOOK_S = 0.1
GO_ON = "the same command goes on where this one stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a slot: its run is running, or at its end, whose status it has."""

    slot: datetime
    run: str
    status: Status
    reason: str | None = None


def planned(site: Site, box: str, job: Job, since: datetime, until: datetime, *, again: bool) -> Plan:
    """The job's slots with since <= slot < until, up to the present minute, which is cron's, and what they
    need, as the store knows it. Raises UsageError where there are none."""
    if job.schedule.reboot:
        raise UsageError(f"{job.key} starts with its box and has no slots")
    until = min(until, site.now().replace(second=0, microsecond=0))
    slots = slots_between(job.schedule, site.config.box(box).zone, since, until)
    if not slots:
        raise UsageError(
            f"{job.key} has no slot in that time", hint=f"`cronbox jobs {box}` tells its schedule"
        )
    return plan_for(slots, site.store.runs_in_slots(box, job.name, since, until), again=again)


def at_once(job: Job, wanted: int) -> int:
    """How many runs may go on at once: more than one only where the job may overlap itself."""
    return wanted if job.policy.overlap is Overlap.ALLOW else 1


def settled(site: Site, box: str) -> int:
    """The number of the newest event in the box's log, once the store has it. Raises EngineError where a
    daemon does not bring it there."""
    end = log_end(site, box_inside(site, box).container)
    catch_up(site, [box])
    for _ in range(round(LAG_S / LOOK_S)):
        cursor = site.store.cursor(box)
        if end.seq == 0 or (cursor and cursor.log_id == end.log_id and cursor.seq >= end.seq):
            return end.seq
        time.sleep(LOOK_S)
    raise EngineError(f"the log of {box} does not come into the store", hint="`cronbox doctor` looks closer")


def backfill(site: Site, box: str, job: str, plan: Plan, *, seq: int, parallel: int) -> Iterator[Step]:
    """Carry a plan out, and tell each step. `seq`: an event of the box's log that the plan knows.

    Raises NotFound or EngineError if the box takes no more; what has begun goes on then, as it does when the
    iterator is closed.
    """
    container = box_inside(site, box).container
    active = {run.id: slot for slot, run in plan.going.items()}
    todo = deque(plan.todo)
    waited: set[str] = set(active)
    with followed_log(site, container, seq) as events:
        while todo or active:
            while todo and len(active) < parallel:
                slot = todo.popleft()
                run = start(site, container, Asked(job, slot, patient=True))
                active[run] = slot
                yield Step(slot, run, Status.RUNNING)
            event = _next_of(events, active, box)
            run = str(event.run)
            match event.type:
                case "queued":
                    waited.add(run)
                case "skipped" if run not in waited:
                    raise EngineError(f"{box} takes no run: {event.data.get('reason')}", hint=GO_ON)
                case "skipped" | "finished":
                    yield _ended(active.pop(run), run, event)


def _next_of(events: Iterator[Event], active: dict[str, datetime], box: str) -> Event:
    """The next event of one of these runs."""
    for event in events:
        if event.run in active:
            check_taken(event, box)
            return event
    raise EngineError(f"{box} stopped before all was done", hint=GO_ON)


def _ended(slot: datetime, run: str, event: Event) -> Step:
    status = Status.SKIPPED if event.type == "skipped" else end_status(event.data)
    return Step(slot, run, status, event.data.get("reason"))
