"""What the schedules promised: for each job, which times were in force from when to when.

A slot is expected of the one version of a schedule that was in force at its minute. A version is in force
from the moment the box's agent has `loaded` it to the moment it has loaded another. So an edit takes nothing
back of what was due before it, and asks for nothing that was due before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from cronbox.model.fields import parse_schedule
from cronbox.model.schedule import fires

WAKE = timedelta(seconds=3)
"""cron acts one to two seconds into a minute. A version that ends so soon after a minute began is not held to
it, and the one that follows begins after it: nobody can say which of them cron had."""


PIECE = 500
"""So many slots of a schedule are looked at together."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What one installed crontab says of a job's times: as much of it as the watch needs. Seconds."""

    job: str
    times: str
    """The time fields in clean form, or `@reboot`, of which no slot is expected."""
    grace_s: float
    delay_s: float = 0.0
    """Its share of the jitter."""
    max_runtime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """One job's schedule, in force for since < slot < until, less WAKE; `until` None: it still is.

    Every slot up to `checked_until` has its row, or is none of this version's. Aware UTC.
    """

    box: str
    meant: Meant
    zone: str
    since: datetime
    until: datetime | None = None
    checked_until: datetime | None = None

    @property
    def job(self) -> str:
        return self.meant.job

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.meant.grace_s)

    @property
    def checked(self) -> datetime:
        """The slot up to which nothing is left to ask."""
        return max(self.since, self.checked_until or self.since)

    @property
    def due_at(self) -> datetime | None:
        """No slot's grace is over before; None: there is nothing to ask for."""
        if self.meant.times == "@reboot" or self.is_done:
            return None
        return self.checked + self.grace

    @property
    def is_done(self) -> bool:
        """Whether its time is over and every slot of it is accounted for."""
        return self.until is not None and self.checked >= self.until - WAKE

    def bound(self, moment: datetime) -> datetime:
        """The last moment whose slots can be asked for, when all that was logged up to `moment` is known."""
        past_grace = moment - self.grace
        return past_grace if self.until is None else min(past_grace, self.until - WAKE)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a newly loaded crontab changes: schedules that end with it, go on otherwise, and begin."""

    ended: tuple[Expectation, ...] = ()
    adjusted: tuple[Expectation, ...] = ()
    """Those that go on, with the grace they have now."""
    begun: tuple[Expectation, ...] = ()


def turn(
    box: str, present: Mapping[str, Expectation], meant: Sequence[Meant], *, zone: str, at: datetime
) -> Turn:
    """What changes when a box's agent has loaded a crontab at a moment. An unchanged job is left alone, so
    that an edit of another one hides nothing of it."""
    wanted = {each.job: each for each in meant}
    going_on, adjusted, ended = set(), [], []
    for job, expectation in present.items():
        new = wanted.get(job)
        if new is None or (new.times, zone) != (expectation.meant.times, expectation.zone):
            ended.append(replace(expectation, until=max(at, expectation.since)))
            continue
        going_on.add(job)
        if new != expectation.meant:
            adjusted.append(replace(expectation, meant=new))
    begun = tuple(Expectation(box, each, zone, at) for each in meant if each.job not in going_on)
    return Turn(tuple(ended), tuple(adjusted), begun)


@dataclass(frozen=True, slots=True)
class Look:
    """The slots of an expectation that should have their rows by a moment, oldest first.

    `after` is the expectation once they all have; `due_at`, when it is to be looked at again, `more` whether
    that is now, since there were more than were asked for.
    """

    before: Expectation
    slots: tuple[datetime, ...]
    after: Expectation
    due_at: datetime | None
    more: bool


def look(expectation: Expectation, zone: tzinfo, moment: datetime, *, most: int) -> Look:
    """What is due of an expectation, when all that was logged up to `moment` is known: `most` slots at most,
    and no more than PIECE."""
    bound = expectation.bound(moment)
    found, following = _slots(expectation.meant.times, zone, expectation.checked, bound)
    due = found[:most]
    if len(due) in (most, PIECE):
        after = replace(expectation, checked_until=due[-1])
        return Look(expectation, due, after, after.due_at, more=True)
    ended = expectation.until is not None and bound == expectation.until - WAKE
    last = due[-1] if due else expectation.checked
    after = replace(expectation, checked_until=max(bound, last) if ended else last)
    due_at = None if after.is_done or following is None else following + expectation.grace
    if due_at is not None and expectation.until is not None:
        due_at = min(due_at, expectation.until + expectation.grace)
    return Look(expectation, due, after, due_at, more=False)


@lru_cache(maxsize=4096)
def _slots(
    times: str, zone: tzinfo, after: datetime, until: datetime
) -> tuple[tuple[datetime, ...], datetime | None]:
    """The minutes in which cron starts it, after < minute <= until, each once and PIECE at most, and the one
    that follows. Many jobs have the same times and are looked at together, hence the cache."""
    found: list[datetime] = []
    for minute in _distinct(times, zone, after):
        if minute > until:
            return tuple(found), minute
        found.append(minute)
        if len(found) == PIECE:
            break
    return tuple(found), None


def _distinct(times: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """cron may start a job twice in one minute; as a slot it is one."""
    before = None
    for minute in fires(parse_schedule(times), zone, after):
        if minute != before:
            yield minute
        before = minute
