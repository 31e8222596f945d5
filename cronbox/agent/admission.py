"""Whether a run that is asked for may start now. Pure: the situation comes in as a value."""

from __future__ import annotations

from typing import NamedTuple

from .request import Request, Trigger

ALREADY_ADMITTED = frozenset({Trigger.RETRY, Trigger.CATCHUP})
"""Runs that nothing may drop for the sake of overlap: they wait for their turn."""


class Go(NamedTuple):
    """It may start."""


class Hold(NamedTuple):
    """It waits. `until` is when to look again at the latest, on the monotonic clock."""

    reason: str
    until: float | None = None
    crowded: bool = False
    """A place must become free first; nothing else can help it."""


class Refuse(NamedTuple):
    """It never starts."""

    reason: str


class Replace(NamedTuple):
    """It takes the place of these runs, and waits until they are gone."""

    runs: tuple[str, ...]


Verdict = Go | Hold | Refuse | Replace


class Situation(NamedTuple):
    """What an answer depends on, besides the request."""

    draining: bool = False
    held: str | None = None
    """Why the schedule of its job is held back: a pause, or a maintenance window."""
    early: Hold | None = None
    """Its time has not come yet."""
    upstream: Hold | Refuse | None = None
    """What the jobs that it comes after say; None if nothing speaks against it."""
    running: tuple[str, ...] = ()
    """Runs of the same job that go on, oldest first."""
    retrying: tuple[str, ...] = ()
    """Other runs of the same job between two attempts."""
    ahead: tuple[str, ...] = ()
    """Other runs of the same job that wait, and came before it."""
    catching_up: bool = False
    """Missed slots of the same job are being made up for, all of them."""
    full: str | None = None
    """The limit that has no place left."""


def judge(request: Request, situation: Situation) -> Verdict:
    """What becomes of a request now. A pause holds only the schedule, not a person."""
    if situation.draining:
        return Refuse("draining")
    if situation.held is not None and request.trigger is not Trigger.MANUAL:
        return Refuse(situation.held)
    if situation.early is not None:
        return situation.early
    if situation.upstream is not None:
        return situation.upstream
    verdict = _in_turn(request, situation)
    if verdict is None and situation.full is not None:
        return Hold(situation.full, crowded=True)
    return verdict or Go()


def _in_turn(request: Request, situation: Situation) -> Verdict | None:
    """What the other runs of the same job mean for it; None if they do not matter.

    The attempts of a run are one run: between two of them it counts as going on, and none waits for those
    that came later.
    """
    going = situation.running
    if request.trigger is not Trigger.RETRY:
        going += situation.retrying
    ahead = () if request.trigger is Trigger.RETRY else situation.ahead
    if request.job.overlap == "allow" or not (going or ahead):
        return None
    if _patient(request, situation):
        return Hold(f"behind run {(going + ahead)[0]}")
    match request.job.overlap:
        case "replace":
            return Replace(going + ahead)
        case "queue" if not ahead:
            return Hold(f"overlap: run {going[0]} is still running")
    return Refuse(_overlap(situation, going + ahead))


def _patient(request: Request, situation: Situation) -> bool:
    if request.patient or request.trigger in ALREADY_ADMITTED:
        return True
    return request.trigger is Trigger.CRON and situation.catching_up


def _overlap(situation: Situation, others: tuple[str, ...]) -> str:
    if situation.running:
        still = situation.running[0]
        if situation.ahead:
            return f"overlap: run {still} is still running, run {situation.ahead[0]} waits already"
        return f"overlap: run {still} is still running"
    return f"overlap: run {others[0]} still waits"
