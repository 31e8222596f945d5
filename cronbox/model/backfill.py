"""Which past slots of a job are to be run, and which have had their run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronbox.model.fields import Schedule
from cronbox.model.run import Run, Status
from cronbox.model.schedule import BEFORE, fires


@dataclass(frozen=True, slots=True)
class Plan:
    """Slots, oldest first: run with success, still going on, and to be run."""

    done: Mapping[datetime, Run]
    going: Mapping[datetime, Run]
    todo: tuple[datetime, ...]

    @property
    def slots(self) -> list[datetime]:
        """All of them, oldest first."""
        return sorted([*self.done, *self.going, *self.todo])


def slots_between(schedule: Schedule, zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """The minutes in which cron would have started it, since <= slot < until, each once; aware UTC."""
    due = takewhile(lambda slot: slot < until, fires(schedule, zone, since - BEFORE))
    return list(dict.fromkeys(due))


def plan_for(slots: Iterable[datetime], known: Mapping[datetime, Sequence[Run]], *, again: bool) -> Plan:
    """`known`: what runs each slot has had. With `again`, those that succeeded are run once more; one that
    goes on is never doubled."""
    done: dict[datetime, Run] = {}
    going: dict[datetime, Run] = {}
    todo: list[datetime] = []
    for slot in slots:
        runs = known.get(slot, ())
        succeeded = next((run for run in reversed(runs) if run.status is Status.SUCCEEDED), None)
        still_open = next((run for run in reversed(runs) if run.status.is_open), None)
        if still_open is not None and (again or succeeded is None):
            going[slot] = still_open
        elif succeeded is not None and not again:
            done[slot] = succeeded
        else:
            todo.append(slot)
    return Plan(done, going, tuple(todo))
