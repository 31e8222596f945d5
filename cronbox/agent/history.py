"""What has become of each job's slots, and what is open: the part of the log that the agent acts upon.

It is a fold over the agent's own events, so that it can be read again from the log after a crash. A snapshot
of it, with the `seq` it stands for, is kept beside the log; see `state`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .clock import epoch_seconds, utc_seconds
from .table import Job, Table

SLOTS_KEPT = 8
"""For each job: so many of the slots that something happened to last."""
UNFINISHED = frozenset({"queued", "running"})
WHOLE_BOX = ""
"""Stands for all jobs where pauses are keyed by job."""


class Pause(NamedTuple):
    """A job, or the whole box, is not to be started by its schedule."""

    until: float | None
    """Epoch seconds; None means until it is resumed."""
    why: str
    by: str


class Past:
    """What is remembered of one job. Slots are epoch seconds."""

    __slots__ = ("last_slot", "last_success", "since", "slots", "times")

    def __init__(self, times: str, since: float) -> None:
        self.times = times
        """The schedule it has, as the crontab writes it."""
        self.since = since
        """Since when it has this schedule, epoch seconds."""
        self.last_slot: int | None = None
        """The newest slot that cron or a catch-up asked for."""
        self.last_success: str | None = None
        """When its last run that succeeded began."""
        self.slots: dict[int, str] = {}
        """Slot -> the status of its last run; those that changed last."""

    def note(self, slot: int, status: str) -> None:
        self.slots.pop(slot, None)
        self.slots[slot] = status
        if len(self.slots) > SLOTS_KEPT:
            del self.slots[next(iter(self.slots))]


class History:
    """`open` is every run that waits or goes on: its id -> the fields of its last event, and its `status`."""

    def __init__(self) -> None:
        self.jobs: dict[str, Past] = {}
        self.open: dict[str, dict[str, Any]] = {}
        self.pauses: dict[str, Pause] = {}
        self.changes = 0
        """Grows with everything that changes it."""

    def take(self, kind: str, fields: dict[str, Any], t: str) -> None:
        """The next event; `t` is its time as the log has it. Kinds that mean nothing here are passed over."""
        self.changes += 1
        match kind:
            case "queued" | "started":
                self._opened(kind, fields, t)
            case "finished":
                self._finished(fields)
            case "skipped":
                self._skipped(fields)
            case "boot":
                self._rebooted()
            case "paused":
                self._paused(fields)
            case "resumed":
                self.pauses.pop(fields["job"] or WHOLE_BOX, None)

    def loaded(self, table: Table, now: float) -> None:
        """Another table is in force: what is new in it has no past."""
        self.changes += 1
        for job in table.jobs.values():
            past = self.jobs.get(job.name)
            if past is None or past.times != job.times:
                fresh = self.jobs[job.name] = Past(job.times, now)
                if past is not None:
                    fresh.last_success, fresh.slots = past.last_success, past.slots
        for name in self.jobs.keys() - table.jobs.keys():
            del self.jobs[name]

    def past(self, job: Job) -> Past:
        """What is remembered of a job; of one that no table had, nothing."""
        return self.jobs.get(job.name) or Past(job.times, 0.0)

    def _opened(self, kind: str, fields: dict[str, Any], t: str) -> None:
        status = "queued" if kind == "queued" else "running"
        begun = {"began": t} if kind == "started" else {}
        self.open[fields["run"]] = {**fields, **begun, "status": status}
        self._note(fields, status)

    def _finished(self, fields: dict[str, Any]) -> None:
        known = self.open.pop(fields["run"], None)
        if known is None:
            return
        self._note(known, fields["status"])
        past = self.jobs.get(known["job"])
        if past is not None and fields["status"] == "succeeded":
            past.last_success = known.get("began")

    def _skipped(self, fields: dict[str, Any]) -> None:
        """A slot that another run has taken stays that run's."""
        waited = self.open.pop(fields["run"], None)
        slot = slot_of(fields)
        past = self.jobs.get(fields["job"])
        if waited is not None or past is None or slot not in past.slots:
            self._note(fields, "skipped")

    def _rebooted(self) -> None:
        """What ran in the earlier life died with it; what waited waits on."""
        for fields in self.open.values():
            if fields["status"] == "running":
                fields["status"] = "lost"
                self._note(fields, "lost")

    def _note(self, fields: dict[str, Any], status: str) -> None:
        slot = slot_of(fields)
        if slot is None:
            return
        past = self.jobs.setdefault(fields["job"], Past("", 0.0))
        past.note(slot, status)
        if fields["trigger"] in ("cron", "catchup"):
            past.last_slot = slot if past.last_slot is None else max(slot, past.last_slot)

    def _paused(self, fields: dict[str, Any]) -> None:
        until = fields["until"]
        ends = None if until is None else epoch_seconds(until)
        self.pauses[fields["job"] or WHOLE_BOX] = Pause(ends, fields["why"], fields["by"])


def slot_of(fields: dict[str, Any]) -> int | None:
    """The slot that an event names, epoch seconds."""
    text = fields["scheduled_for"]
    return None if text is None else utc_seconds(text)


def as_raw(history: History) -> dict[str, Any]:
    """The history as JSON holds it."""
    return {
        "open": history.open,
        "pauses": history.pauses,
        "jobs": {
            name: [past.times, past.since, past.last_slot, past.last_success, list(past.slots.items())]
            for name, past in history.jobs.items()
        },
    }


def from_raw(raw: dict[str, Any]) -> History:
    """Raises KeyError, TypeError or ValueError."""
    history = History()
    history.open = dict(raw["open"])
    history.pauses = {job: Pause(*fields) for job, fields in raw["pauses"].items()}
    for name, (times, since, last_slot, last_success, slots) in raw["jobs"].items():
        past = history.jobs[name] = Past(str(times), float(since))
        past.last_slot, past.last_success = last_slot, last_success
        past.slots = {int(slot): str(status) for slot, status in slots}
    return history
