"""What a piece of a box's log changes, gathered event by event before any of it is written.

Nothing in a log may stop the reading of what comes after it: an event that is malformed or cannot be is
noted as an incident and passed over. Kinds of incidents that begin here: `silence` (no tick for longer than
a minute and a half; `text` is when the last one came), `cron_loaded` (cron named another crontab than
before), `died` (a boot ended without a word; `at` is the last that was heard of it), `log_trimmed`,
`log_rewound`, `log_replaced`, `event_refused`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from cronbox.errors import ImpossibleTransition
from cronbox.model.event import Event, format_time, parse_time
from cronbox.model.run import RUN_EVENTS, Run, Status, apply, lost, name_of, slot_of, text_of, whole_of
from cronbox.store import BoxState, Incident, Pause
from cronbox.store.outputs import STREAMS, OutputBatch

SILENCE = timedelta(seconds=90)
LONGEST_RUN_S = 3.2e9
"""A hundred years: what is beyond it in an event's time is nonsense."""

STOPPED_UNDER_IT = "the box stopped while it ran"
LOG_REPLACED = "its log was replaced while it ran"
LOG_REWOUND = "the end of its log was lost while it ran"
LOG_TRIMMED = "its log was trimmed before its end was read"

PRINTING = frozenset({Status.RUNNING, Status.LOST})
"""A run that was given up may have printed until its end, which comes later."""

log = structlog.get_logger()


@dataclass(slots=True)
class Fold:
    """The changes so far. `runs` holds every run that the events may speak of, as it stands after them."""

    box: str
    boot_id: str | None
    release: int | None
    last_event_at: datetime | None
    state: BoxState
    runs: dict[str, Run]
    slots: dict[tuple[str, datetime], dict[tuple[int, int], Run]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """(job, slot) -> (occurrence, attempt) -> the run that stands there."""
    new: dict[str, None] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    """Missed slots that ran or were skipped after all."""
    outputs: list[OutputBatch] = field(default_factory=list)
    box_changes: dict[str, Any] = field(default_factory=dict)
    pauses: dict[str | None, Pause | None] = field(default_factory=dict)
    """Job, or None for the box -> its pause, or None where one was lifted."""
    incidents: list[Incident] = field(default_factory=list)
    loads: list[tuple[datetime, str, str | None]] = field(default_factory=list)
    """When the agent took a crontab, its digest, and the time zone of that boot."""
    refused: int = 0

    def occupy(self, runs: Iterable[Run]) -> None:
        """Tell which runs stand in slots already."""
        for run in runs:
            if run.scheduled_for is not None:
                self.slots[run.job, run.scheduled_for][run.occurrence, run.attempt] = run

    def take(self, event: Event) -> None:
        """The next event of the log. Never raises for what is in it."""
        try:
            self._take(event)
        except (ImpossibleTransition, ValueError, OverflowError) as error:
            self.refused += 1
            self._note(event.t, "event_refused", f"{event.type} (seq {event.seq}): {error}")
            log.warning("event_refused", box=self.box, seq=event.seq, type=event.type, error=str(error)[:200])
        self.last_event_at = event.t

    def skip(self, first: int, last: int, at: datetime) -> None:
        """These events are gone for good. An end may have been among them, so no run stays open."""
        self._lose_open(self.last_event_at or at, LOG_TRIMMED)
        self._note(at, "log_trimmed", f"events {first} to {last} are gone")

    def rewind(self, first: int, last: int, at: datetime) -> None:
        """These events, which were read, are not in the log any more; what comes has their numbers."""
        self._lose_open(self.last_event_at or at, LOG_REWOUND)
        self._note(at, "log_rewound", f"events {first} to {last} are not in it any more")

    def replace_log(self, at: datetime) -> None:
        """What follows is another log, from its first event on."""
        self._lose_open(self.last_event_at or at, LOG_REPLACED)
        self._note(at, "log_replaced", "the box began a new log")
        self.boot_id = self.release = self.last_event_at = None

    def _take(self, event: Event) -> None:
        match event.type:
            case kind if kind in RUN_EVENTS:
                return self._move(event)
            case "output":
                return self._print(event)
            case "tick":
                return self._tick(event)
            case "boot":
                self._boot(event)
            case "loaded":
                digest = self.box_changes["loaded"] = name_of(event.data, "digest")
                self.loads.append((event.t, digest, self.state.zone))
            case "paused" | "resumed":
                self._pause(event)
            case "cron_started" | "cron_exited":
                self.box_changes["cron_alive"] = int(event.type == "cron_started")
            case "drifted":
                self.box_changes |= {"drift": text_of(event.data, "reason"), "drift_at": event.t}
            case "draining":
                self.box_changes["draining"] = 1
            case "stopped":
                self.state = replace(self.state, stopped_at=event.t)
                self.box_changes |= {"stopped_at": event.t, "cron_alive": 0}
        self._note(event.t, event.type, _words(event.data), job=_job(event.data))

    def _move(self, event: Event) -> None:
        """`queued`, `skipped`, `started`, `finished`: a run goes from one status to another."""
        id = name_of(event.data, "run")
        run = self.runs.get(id) or self._missed(event)
        if run is not None and run.box != self.box:
            raise ImpossibleTransition(f"run {id} belongs to box {run.box}")
        after = apply(run, event, box=self.box, release=self.release, boot_id=self.boot_id)
        if run is not None and run.status is Status.MISSED:
            self._give_up(run)
            run = None
        if run is None:
            after = self._seated(after)
            self.new[id] = None
        self.runs[id] = after
        self.changed[id] = None

    def _missed(self, event: Event) -> Run | None:
        """The row of a slot that was taken for missed, and of which the log speaks after all."""
        slot = slot_of(event)
        job = event.data.get("job")
        if slot is None or not isinstance(job, str):
            return None
        seats = self.slots.get((job, slot), {})
        return next((run for run in seats.values() if run.status is Status.MISSED), None)

    def _give_up(self, missed: Run) -> None:
        assert missed.scheduled_for is not None, "a missed run is a slot"
        self.replaced.append(missed.id)
        del self.slots[missed.job, missed.scheduled_for][missed.occurrence, missed.attempt]

    def _seated(self, run: Run) -> Run:
        """The run, with an `occurrence` that no other run of its slot has: an agent that was restarted within
        the minute, or whose clock was set back, counts from the beginning again."""
        if run.scheduled_for is None:
            return run
        seats = self.slots[run.job, run.scheduled_for]
        occurrence = run.occurrence
        while (occurrence, run.attempt) in seats:
            occurrence += 1
        if occurrence != run.occurrence:
            run = replace(run, occurrence=occurrence)
        seats[occurrence, run.attempt] = run
        return run

    def _print(self, event: Event) -> None:
        run = self.runs.get(name_of(event.data, "run"))
        if run is None or run.box != self.box:
            raise ImpossibleTransition("output of a run that never began")
        if run.status not in PRINTING:
            raise ImpossibleTransition(f"output of run {run.id}, which is {run.status}")
        lines = event.data.get("lines")
        if not isinstance(lines, list) or not lines or not all(map(_is_line, lines)):
            raise ValueError("lines is no list of [t, stream, text]")
        self.outputs.append(OutputBatch(run.id, run.job, event.t, lines))

    def _boot(self, event: Event) -> None:
        """A new life of the box: what the earlier one left open never finished."""
        boot_id = name_of(event.data, "boot_id")
        release = whole_of(event.data, "release")
        if boot_id != self.boot_id:
            if self.boot_id is not None and self.state.stopped_at is None:
                self._note(self.last_event_at or event.t, "died", self.state.death or STOPPED_UNDER_IT)
            self._lose_open(self.last_event_at or event.t, self.state.death or STOPPED_UNDER_IT)
        self.boot_id, self.release = boot_id, release
        zone = text_of(event.data, "timezone")
        self.state = replace(self.state, death=None, tick_at=None, tick=None, stopped_at=None, zone=zone)
        self.box_changes |= {"booted_at": event.t, "stopped_at": None, "death": None, "cron_alive": 0}
        self.box_changes |= {"draining": 0, "tick": None, "tick_at": None, "zone": zone}

    def _lose_open(self, at: datetime, reason: str) -> None:
        for run in list(self.runs.values()):
            if run.box == self.box and run.status.is_open:
                self.runs[run.id] = lost(run, at=at, reason=reason)
                self.changed[run.id] = None

    def _tick(self, event: Event) -> None:
        before = self.state.tick_at
        if before is not None and event.t - before > SILENCE:
            self._note(event.t, "silence", format_time(before))
        digest = name_of(event.data, "digest")
        if digest != self.state.tick:
            self._note(event.t, "cron_loaded", digest)
        self.state = replace(self.state, tick_at=event.t, tick=digest)
        self.box_changes |= {"tick": digest, "tick_at": event.t, "cron_alive": 1}

    def _pause(self, event: Event) -> None:
        job = None if event.data.get("job") is None else name_of(event.data, "job")
        if event.type == "resumed":
            self.pauses[job] = None
            return
        until = text_of(event.data, "until")
        self.pauses[job] = Pause(
            box=self.box,
            job=job,
            since=event.t,
            until=parse_time(until) if until else None,
            why=text_of(event.data, "why"),
            by=text_of(event.data, "by"),
        )

    def _note(self, at: datetime, kind: str, text: str, *, job: str | None = None) -> None:
        self.incidents.append(Incident(self.box, at, _clean(kind, 50), _clean(text, 500), job))


def _is_line(line: Any) -> bool:
    """`[t, stream, text]`, and perhaps whether a newline ends it."""
    if type(line) is not list or not 3 <= len(line) <= 4:
        return False
    t, stream, text = line[:3]
    return (
        type(t) in (int, float)
        and 0 <= t <= LONGEST_RUN_S
        and type(stream) is str
        and stream in STREAMS
        and type(text) is str
        and (len(line) == 3 or type(line[3]) is bool)
    )


def _words(data: dict[str, Any]) -> str:
    """An event's fields in a line a person can read; one text alone stands for itself."""
    told = {key: value for key, value in data.items() if value is not None and key != "job"}
    if len(told) == 1 and isinstance(told.get("text") or told.get("reason"), str):
        return str(next(iter(told.values())))
    return ", ".join(f"{key} {value}" for key, value in told.items())


def _job(data: dict[str, Any]) -> str | None:
    job = data.get("job")
    return _clean(job, 200) if isinstance(job, str) else None


def _clean(text: str, longest: int) -> str:
    """A text that every database takes."""
    return text[:longest].encode(errors="replace").decode().replace("\0", "?")
