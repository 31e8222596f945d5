"""Carries a plan out, heals everything, waits until all is settled, and gathers what came of it."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import TimeoutExpired

from cronbox.config import load_config
from cronbox.model.event import Event, parse_event
from cronbox.store import Store
from cronbox.store.runs import RunFilter
from tests.chaos import faults, truth
from tests.chaos.checker import check
from tests.chaos.findings import Finding, lives
from tests.chaos.plan import BOXES, CLOCK_BOX, DEADLY, FREEZING, GRACE_S, Fault, Firing, Kind, Plan
from tests.chaos.slots import is_sound, scheduled
from tests.chaos.truth import Done, Fired, History, Told
from tests.chaos.world import World
from tests.project import wait_until

MINUTE = timedelta(minutes=1)
BEFORE = timedelta(seconds=8)
"""So long before its first slots chaos begins, at least; and not longer than half of its time."""
SETTLED_S = GRACE_S + 60.0
"""After its grace a slot has its row within a minute: promise 7."""
ENGINE_COMES_BACK_S = 15.0
"""How long after an engine's return the processes of its boxes may still be dying."""
OF_THE_BOX = frozenset(
    {"boot", "loaded", "cron_started", "cron_exited", "draining", "stopped", "paused", "unknown_job"}
)
Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What came of a plan. `settled_s` is how long after the healing the last row was as it should be."""

    plan: Plan
    findings: list[Finding]
    faults: Counter[Kind]
    history: History
    settled_s: float

    @property
    def good(self) -> bool:
        return not self.findings

    def figures(self) -> Iterator[tuple[str, object]]:
        runs = self.history.runs
        yield "seed", self.plan.seed
        yield "seconds", f"{self.plan.seconds:g}"
        yield "store", "PostgreSQL, two daemons" if self.plan.postgresql else "SQLite"
        yield "faults", _listed(self.faults)
        yield "runs that began", sum(len(lives(self.history, box)) for box in self.history.jobs)
        yield "rows", f"{len(runs)}: {_listed(Counter(run.status.value for run in runs))}"
        slots = [(box, slot) for box, _, slot in scheduled(self.history)]
        yield "slots", f"{len(slots)}, {sum(is_sound(self.history, *slot) for slot in slots)} in a sound box"
        yield "lines of output", sum(map(len, self.history.output.values()))
        yield "settled after", f"{self.settled_s:.1f} s"


def _listed(counter: Counter[str] | Counter[Kind]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counter.items()))


@dataclass(slots=True)
class Conductor:
    """One plan in one world."""

    world: World
    say: Say
    done: list[Done] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    _begun: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)
    _locks: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def conduct(self) -> Report:
        plan = self.world.plan
        begin = _next_minute(datetime.now(UTC) + BEFORE)
        time.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds() - plan.seconds / 2))
        self.say("chaos begins")
        self._begun = time.monotonic()
        with ThreadPoolExecutor(max_workers=len(plan.faults) + len(plan.boxes) + 1) as pool:
            doing = [pool.submit(self._do, fault) for fault in plan.faults]
            doing += [pool.submit(self._fire_all, box) for box in plan.boxes]
            try:
                for each in doing:
                    each.result()
            finally:
                self._ended.set()  # Ctrl-C: what still waits for its time does nothing any more.
        time.sleep(max(0.0, plan.seconds - (time.monotonic() - self._begun)))
        self.say("everything is healed")
        healed = time.monotonic()
        slots = _minutes(begin, datetime.now(UTC) - timedelta(seconds=5))
        self._quiet()
        history, findings = self._settle(slots, healed + SETTLED_S + 60)
        kinds = Counter(done.kind for done in self.done)
        return Report(plan, findings, kinds, history, time.monotonic() - healed)

    # -- what is planned -----------------------------------------------------------------------------------

    def _do(self, fault: Fault) -> None:
        if self._over_before(fault.at):
            return None
        scopes = sorted(set(fault.scopes(tuple(self.world.plan.boxes))))
        with ExitStack() as held:
            for scope in scopes:
                held.enter_context(self._locks[scope])
            self.say(f"{fault.kind} {fault.target}".strip())
            begun = truth.now()
            try:
                with faults.doing(self.world, fault):
                    self._ended.wait(fault.lasts)
            except faults.MISSED_ITS_AIM:
                return self.say(f"{fault.kind} {fault.target}: could not be done")
            self.done.append(Done(fault.kind, fault.target, begun, truth.now()))

    def _fire_all(self, box: str) -> None:
        for firing in self.world.plan.firings:
            if firing.box == box and not self._over_before(firing.at):
                self._fire(firing)

    def _fire(self, firing: Firing) -> None:
        command = ("sh", "-c", 'test -p /run/cronbox/trigger && echo "$1" >/run/cronbox/trigger', "sh")
        container = self.world.container(firing.box)
        begun = truth.now()
        try:
            done = self.world.engine.docker("exec", container, *command, firing.job, timeout=20)
            sure = done.returncode == 0
        except TimeoutExpired:
            sure = False
        self.fired.append(Fired(firing.box, firing.job, begun, sure))

    def _over_before(self, at: float) -> bool:
        """Wait for that time -> whether chaos was broken off before it."""
        return self._ended.wait(max(0.0, self._begun + at - time.monotonic()))

    # -- afterwards ----------------------------------------------------------------------------------------

    def _quiet(self) -> None:
        """Nothing new starts, and what goes on is ended."""
        project = self.world.project
        for box in self.world.plan.boxes:
            wait_until(partial(self._paused, box), within=90, every=1.0)
        for status in ("queued", "running"):
            for run in project.runs("--status", status, "-n", "1000"):
                project.cli("kill", run["id"], ok=False)

    def _paused(self, box: str) -> bool:
        done = self.world.project.cli("pause", box, ok=False)
        if done.returncode != 0:
            self.say(done.stderr.strip())
        return done.returncode == 0

    def _settle(self, slots: Sequence[datetime], deadline: float) -> tuple[History, list[Finding]]:
        """Look until nothing is wrong any more, or it has taken too long."""
        while True:
            history = self._gathered(slots)
            findings = check(history)
            if not findings or time.monotonic() > deadline:
                return history, findings
            time.sleep(2)

    def _gathered(self, slots: Sequence[datetime]) -> History:
        world = self.world
        marks = {
            box: truth.read_marks(_lines(world.root / "truth" / box / "marks")) for box in world.plan.boxes
        }
        logs = {box: _events(world.disk(f"log/{box}")) for box in world.plan.boxes}
        store = Store.open(load_config(world.project.root / "config.toml").database_url)
        try:
            runs = tuple(store.runs(RunFilter(limit=1_000_000)))
            output = {
                run.id: [line.text for line in store.output(run.id, stream="out")]
                for run in runs
                if run.started_at
            }
        finally:
            store.close()
        return History(
            jobs=world.plan.boxes,
            slots=tuple(slots),
            marks=marks,
            runs=runs,
            output=output,
            log={box: [event.seq for event in events] for box, events in logs.items()},
            fired=tuple(self.fired),
            deaths={box: tuple(self._deaths(box)) for box in world.plan.boxes},
            freezes={box: tuple(self._freezes(box)) for box in world.plan.boxes},
            bent=frozenset({CLOCK_BOX}),
            told={box: _told(events) for box, events in logs.items()},
            edited=dict.fromkeys(BOXES, world.plan.edited),
            booted_at=datetime.now(UTC) - timedelta(seconds=truth.now()),
        )

    def _deaths(self, box: str) -> Iterator[Done]:
        for done in self.done:
            if done.kind in DEADLY and done.target in (box, ""):
                late = ENGINE_COMES_BACK_S if done.target == "" else 0.0
                yield Done(done.kind, done.target, done.begun, done.ended + late)

    def _freezes(self, box: str) -> Iterator[Done]:
        for done in self.done:
            if done.kind in FREEZING and done.target == box:
                yield done


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _events(log: Path) -> list[Event]:
    segments = [*sorted(log.glob("cron-*.log")), log / "cron.log"]
    return [parse_event(line) for segment in segments for line in _lines(segment)]


def _told(events: Iterable[Event]) -> list[Told]:
    """What tells of the box, not of its runs."""
    return [
        Told(each.type, each.t, each.data.get("jobs", 0), str(each.data.get("job")))
        for each in events
        if each.type in OF_THE_BOX
    ]


def _next_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + MINUTE


def _minutes(begin: datetime, end: datetime) -> list[datetime]:
    found = []
    while begin <= end:
        found.append(begin)
        begin += MINUTE
    return found
