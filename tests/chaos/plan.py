"""What a seed means: the boxes' jobs, which faults come when, and which jobs are set off by hand. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

GRACE_S = 15
"""Of every job: so long after its minute a slot may wait for its row."""
TIMEOUT_S = 4
RETRIES = 2
EVERY_MINUTE = frozenset(range(60))
NEVER = "0 0 1 1 *"
"""The schedule of jobs that are set off by hand, through the FIFO, as cron would."""


class Overlap(StrEnum):
    SKIP = "skip"
    ALLOW = "allow"
    QUEUE = "queue"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the shipped script: `length` seconds, `lines` of output, exit code `code`, 0, 1 or `flaky`.

    `minutes` are those of each hour in which cron starts it; none for a job that is set off by hand.
    """

    name: str
    length: float
    lines: int = 3
    code: str = "0"
    overlap: Overlap = Overlap.ALLOW
    minutes: frozenset[int] = frozenset()
    keys: str = ""
    retries: int = 0

    @property
    def entry(self) -> str:
        """Its lines in a crontab."""
        fields = f"{','.join(map(str, sorted(self.minutes)))} * * * *" if self.minutes else NEVER
        if self.minutes == EVERY_MINUTE:
            fields = "* * * * *"
        retries = f" retries={self.retries} retry-delay=2s" if self.retries else ""
        return (
            f"# cronbox: name={self.name} overlap={self.overlap} grace={GRACE_S}s{retries} {self.keys}\n"
            f"{fields} root exec sh /scripts/job {self.length:g} {self.lines} {self.code}\n"
        )


class Kind(StrEnum):
    """What can be done to the world. Each has an end, at which it is undone."""

    DAEMON_KILLED = "daemon killed"
    DAEMON_FROZEN = "daemon frozen"
    BOX_KILLED = "box killed"
    BOX_REMOVED = "box removed"
    BOX_FROZEN = "box frozen"
    CROND_KILLED = "crond killed"
    ENGINE_KILLED = "engine killed"
    ENGINE_RESTARTED = "engine restarted"
    ENGINE_CUT_OFF = "engine cut off"
    NETWORK_CUT = "network cut"
    LOG_FULL = "log full"
    STORE_FULL = "store full"
    POSTGRESQL_KILLED = "postgresql killed"
    CLOCK_AHEAD = "clock ahead"
    CRONTAB_EDITED = "crontab edited"


DEADLY = frozenset({Kind.BOX_KILLED, Kind.BOX_REMOVED, Kind.ENGINE_KILLED, Kind.ENGINE_RESTARTED})
"""Faults in which the processes of a box may die."""

FREEZING = frozenset({Kind.BOX_FROZEN, Kind.CROND_KILLED})
"""Faults in which the cron of a box stands still."""

MOVING = Job("moving", 0.5, minutes=frozenset(range(1, 60, 2)))
MOVED = replace(MOVING, minutes=frozenset(range(0, 60, 2)))
VOLATILE = Job("volatile", 0.5, minutes=EVERY_MINUTE)
EDIT_S = (5, 70)
"""So long an edit stays: some of them over a minute's beginning, some not."""

BOXES = ("ant", "bee")
CLOCK_BOX = "cuckoo"
"""The box whose clock is set. Its crontab stays as it is, for with the library that bends its clock Python
cannot sleep, as the install does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`target` is a box, or the number of a daemon, or empty. Times are seconds from the beginning."""

    kind: Kind
    target: str
    at: float
    lasts: float

    def scopes(self, boxes: tuple[str, ...]) -> tuple[str, ...]:
        """What it has for itself while it lasts. A box's log may not be full while the box dies: what the
        agent could not write dies with it, which nothing can mend."""
        match self.kind:
            case Kind.ENGINE_KILLED | Kind.ENGINE_RESTARTED:
                return ("engine", *boxes)
            case Kind.ENGINE_CUT_OFF:
                return ("engine",)
            case Kind.STORE_FULL | Kind.POSTGRESQL_KILLED:
                return ("store",)
            case Kind.DAEMON_KILLED | Kind.DAEMON_FROZEN:
                return (f"daemon {self.target}",)
            case Kind.CRONTAB_EDITED:
                return (f"crontab {self.target}",)
            case _:
                return (self.target,)


@dataclass(frozen=True, slots=True)
class Firing:
    """A job that is set off through the FIFO of its box."""

    box: str
    job: str
    at: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`edited` are the jobs that an edited crontab has beside, and in place of, those of `boxes`."""

    seed: int
    seconds: float
    postgresql: bool
    boxes: dict[str, tuple[Job, ...]]
    faults: tuple[Fault, ...] = field(default=())
    firings: tuple[Firing, ...] = field(default=())
    edited: tuple[Job, ...] = (MOVED, VOLATILE)

    @property
    def daemons(self) -> int:
        return 2 if self.postgresql else 1


def plan_of(seed: int, seconds: float) -> Plan:
    """The plan of a seed; the same one each time. Odd seeds have PostgreSQL and two daemons."""
    dice = random.Random(seed)
    postgresql = seed % 2 == 1
    boxes = {box: tuple(_jobs(dice, seconds)) for box in (*BOXES, CLOCK_BOX)}
    faults = tuple(_faults(dice, seconds, tuple(boxes), postgresql=postgresql))
    firings = tuple(_firings(dice, seconds, boxes))
    return Plan(seed, seconds, postgresql, boxes, faults, firings)


def _jobs(dice: random.Random, seconds: float) -> Iterator[Job]:
    """Jobs of a schedule, some longer than their minute, and jobs to set off by hand."""
    long = min(75.0, max(20.0, seconds))
    for overlap in Overlap:
        yield Job(f"long-{overlap}", dice.uniform(long / 2, long), overlap=overlap, minutes=EVERY_MINUTE)
    for parity in (0, 1):
        minutes = frozenset(range(parity, 60, 2))
        yield Job(f"brief-{parity}", dice.uniform(0, 5), lines=dice.randrange(50), minutes=minutes)
    yield MOVING
    yield Job("flaky", dice.uniform(0, 3), code="flaky", minutes=EVERY_MINUTE, retries=RETRIES)
    for mode in ("latest", "all"):
        yield Job(f"catchup-{mode}", dice.uniform(0, 3), minutes=EVERY_MINUTE, keys=f"catchup={mode}")
    for overlap in Overlap:
        yield Job(f"fired-{overlap}", dice.uniform(0.5, 4), overlap=overlap)
    yield Job("fired-flaky", dice.uniform(0, 1), code="flaky", retries=RETRIES)
    yield Job("fired-slow", 2 * TIMEOUT_S, keys=f"timeout={TIMEOUT_S}s")
    yield Job("fired-talker", dice.uniform(0, 1), lines=500)


def _faults(
    dice: random.Random, seconds: float, boxes: tuple[str, ...], *, postgresql: bool
) -> Iterator[Fault]:
    """Faults of every kind in turn, each as soon as what it concerns is whole again."""
    free: dict[str, float] = {}
    now = 1.0
    bag: list[Kind] = []
    while now < seconds:
        bag = bag or dice.sample(list(_kinds(postgresql)), k=len(_kinds(postgresql)))
        kind = bag.pop()
        lasts = dice.uniform(*(EDIT_S if kind is Kind.CRONTAB_EDITED else (0.5, 8)))
        fault = Fault(kind, _target(dice, kind, postgresql), now, lasts)
        scopes = fault.scopes(boxes)
        at = max([now, *(free.get(scope, 0.0) for scope in scopes)])
        if at < seconds:
            fault = replace(fault, at=at, lasts=min(fault.lasts, seconds - at + 8))
            yield fault
            free.update(dict.fromkeys(scopes, at + fault.lasts + 2))
        now += dice.expovariate(1 / 2.5)


def _kinds(postgresql: bool) -> tuple[Kind, ...]:
    store = Kind.STORE_FULL if postgresql else Kind.POSTGRESQL_KILLED
    return tuple(kind for kind in Kind if kind is not store)


def _target(dice: random.Random, kind: Kind, postgresql: bool) -> str:
    match kind:
        case Kind.DAEMON_KILLED | Kind.DAEMON_FROZEN:
            return str(dice.randrange(2 if postgresql else 1))
        case Kind.CLOCK_AHEAD:
            return CLOCK_BOX
        case Kind.BOX_REMOVED | Kind.CRONTAB_EDITED:
            return dice.choice(BOXES)
        case Kind.BOX_KILLED | Kind.BOX_FROZEN | Kind.CROND_KILLED | Kind.NETWORK_CUT | Kind.LOG_FULL:
            return dice.choice([*BOXES, CLOCK_BOX])
        case _:
            return ""


def _firings(dice: random.Random, seconds: float, boxes: dict[str, tuple[Job, ...]]) -> Iterator[Firing]:
    for box, jobs in boxes.items():
        fired = [job.name for job in jobs if not job.minutes]
        now = dice.expovariate(1.0)
        while now < seconds:
            yield Firing(box, dice.choice(fired), now)
            now += dice.expovariate(1.0)
