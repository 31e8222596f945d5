"""Why a slot did not run, told from what is known of its box around that minute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cronbox.model.event import parse_time
from cronbox.model.expected import WAKE

KINDS = frozenset(
    {
        *("boot", "stopped", "died", "draining", "engine_paused", "engine_unpaused"),
        *("cron_started", "cron_exited", "loaded", "cron_loaded", "silence"),
    }
)
"""What of a box's history bears on its slots."""


class Reason(StrEnum):
    """In the order in which they are asked: the first that fits is told."""

    BOX_DOWN = "the box was down"
    PAUSED = "the box was paused by the engine"
    CRON_DEAD = "cron was dead"
    NOT_LOADED = "cron had not loaded the crontab"
    SILENT = "cron was silent: the clock was moved, the host slept, or cron stood still"
    UNKNOWN = "nobody knows why: the box ran, and cron was heard"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a box's log, its engine or the store noted at a moment. `kind` as in `ops.fold`."""

    at: datetime
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """since < moment < until, and why nothing ran then; None: open at that side."""

    reason: Reason
    since: datetime | None
    until: datetime | None

    def covers(self, slot: datetime) -> bool:
        """Whether cron was kept from that slot. It acts some seconds into the minute, so an end of the span
        counts from there, and so does its beginning."""
        return (self.since is None or slot > self.since - WAKE) and (self.until is None or slot < self.until)


@dataclass(frozen=True, slots=True)
class Present:
    """How a box is now, where its history has no end yet. `heard_at` is the last that its log said."""

    running: bool
    paused: bool
    heard_at: datetime | None
    tick_at: datetime | None


def reason_of(slot: datetime, spans: Sequence[Span]) -> Reason:
    """The reason for a slot that has no row."""
    fitting = {span.reason for span in spans if span.covers(slot)}
    return next((reason for reason in Reason if reason in fitting), Reason.UNKNOWN)


def spans_of(history: Iterable[Happening], present: Present) -> list[Span]:
    """When nothing could run in the box, and why, from its history (oldest first) and how it is now."""
    events = list(history)
    return [
        *_between(events, Reason.BOX_DOWN, {"stopped", "died", "draining"}, {"cron_started"}),
        *_between(events, Reason.PAUSED, {"engine_paused"}, {"engine_unpaused", "boot"}),
        *_between(events, Reason.CRON_DEAD, {"cron_exited"}, {"cron_started"}),
        *_not_loaded(events),
        *_silences(events),
        *_now(present),
    ]


def _between(events: Iterable[Happening], reason: Reason, begins: set[str], ends: set[str]) -> Iterator[Span]:
    """Spans from the first of some kinds to the first of others; the last one may still go on."""
    since = None
    for event in events:
        if event.kind in begins and since is None:
            since = event.at
        elif event.kind in ends and since is not None:
            yield Span(reason, since, event.at)
            since = None
    if since is not None:
        yield Span(reason, since, None)


def _not_loaded(events: Iterable[Happening]) -> Iterator[Span]:
    """From a crontab that the agent took to the tick in which cron named it. `loaded` has `digest …, jobs …`,
    `cron_loaded` the digest alone."""
    waiting: tuple[datetime, str] | None = None
    named = ""
    for event in events:
        if event.kind == "loaded":
            digest = event.text.partition(",")[0].removeprefix("digest ")
            waiting = None if digest == named else (event.at, digest)
        elif event.kind == "cron_loaded":
            named = event.text
            if waiting is not None and named == waiting[1]:
                yield Span(Reason.NOT_LOADED, waiting[0] + WAKE, event.at - WAKE)
                waiting = None
    if waiting is not None and named:
        yield Span(Reason.NOT_LOADED, waiting[0] + WAKE, None)


def _silences(events: Iterable[Happening]) -> Iterator[Span]:
    for event in events:
        if event.kind == "silence":
            yield Span(Reason.SILENT, parse_time(event.text) + WAKE, event.at)


def _now(present: Present) -> Iterator[Span]:
    """What has not come into the history, since it still goes on."""
    if present.paused:
        yield Span(Reason.PAUSED, present.heard_at, None)
    elif not present.running:
        yield Span(Reason.BOX_DOWN, present.heard_at, None)
    if present.tick_at is not None:
        yield Span(Reason.SILENT, present.tick_at + WAKE, None)
