"""A project with one box whose cron is played minute by minute, for tests of the watch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from cronbox.config import load_config
from cronbox.engine import AGENT, ExecResult
from cronbox.model.fields import parse_schedule
from cronbox.model.run import Run, Status
from cronbox.ops import Site, boxes
from cronbox.ops.watch import Watch, read_running
from cronbox.store import RunFilter, Store
from tests.fakes.agent import FakeAgent
from tests.fakes.engine import FakeBox, FakeEngine

NOON = datetime(2026, 3, 2, 12, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAKE = timedelta(seconds=1.2)
"""How far into a minute cron acts."""


class BootingAgent(FakeAgent):
    """Boots in each life of a container, as the real one does."""

    def __init__(self, engine: FakeEngine, *, now: datetime, zone: str) -> None:
        super().__init__(engine, now=now)
        self.zone = zone
        self.lives: set[tuple[str, str | None]] = set()
        sound = ExecResult(0, b'{"running": [], "draining": false}', b"")
        engine.script([*AGENT, "status"], sound)

    def boot(self, box: FakeBox, boot_id: str = "") -> None:
        self.lives.add((box.seen.container, box.seen.started_at))
        boot = f"boot-{len(self.lives)}"
        self.write(box, "boot", log_id="fake-log", boot_id=boot, agent="1", release=1, timezone=self.zone)
        self.write(box, "cron_started", pid=7)

    def _install(self, box: FakeBox, stdin: bytes) -> ExecResult:
        if (box.seen.container, box.seen.started_at) not in self.lives:
            self.boot(box)
        return super()._install(box, stdin)


class House:
    """`pass_minutes` plays cron, agent and watch; what else a test needs, it does by hand."""

    def __init__(
        self, root: Path, *, zone: str = "UTC", now: datetime = NOON, database: str | None = None
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.now = now
        self.engine = FakeEngine()
        self.agent = BootingAgent(self.engine, now=now, zone=zone)
        (root / "config.toml").write_text(
            f'[cronbox]\nproject = "house"\n[defaults]\ngrace = "1m"\n[boxes.etl]\ntimezone = "{zone}"\n'
        )
        self.jobs: dict[str, str] = {}
        self.crontab(load="*/5 * * * *")
        self.store = Store.open(database or f"sqlite:///{root}/cronbox.db")
        self.store.upgrade()
        self.site = Site(
            load_config(root / "config.toml"),
            connect=lambda: self.engine,
            open_store=lambda: self.store,
            now=lambda: self.now,
        )
        self.watch = Watch(self.site)
        self.cron_lives = True
        self.cron_has: dict[str, str] | None = None
        """What cron has loaded, where that is not what was installed."""
        self._serial = count(1)

    def crontab(self, **jobs: str) -> None:
        """Write the crontab: times by the job's name."""
        self.jobs = jobs
        lines = [f"# cronbox: name={name}\n{times} root /bin/{name}\n" for name, times in jobs.items()]
        folder = self.root / "crontabs" / "etl"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "jobs").write_text("".join(lines))

    def set_clock(self, now: datetime) -> None:
        self.now = self.agent.now = self.engine.now = now

    def up(self) -> None:
        boxes.up(self.site, (), lambda line: None)

    def sync(self, **jobs: str) -> None:
        self.crontab(**jobs)
        boxes.sync(self.site, (), lambda line: None)

    def down(self) -> None:
        boxes.down(self.site, (), lambda line: None)

    def stop(self) -> None:
        """The box ends in good order."""
        self.agent.write(self.box, "draining", running=0)
        self.agent.write(self.box, "stopped", reason="SIGTERM")
        self.engine.stop(self.box.seen.container, timeout=1)

    def kill(self) -> None:
        self.engine.crash(self.box.seen.container)

    def cron_dies(self) -> None:
        self.cron_lives = False
        self.agent.write(self.box, "cron_exited", exit_code=1, signal=None)

    def cron_returns(self) -> None:
        self.cron_lives = True
        self.agent.write(self.box, "cron_started", pid=8)

    @property
    def box(self) -> FakeBox:
        return next(iter(self.engine.containers.values()))

    def pass_minutes(self, number: int, *, looking: bool = True) -> None:
        for _ in range(number):
            minute = self.now.replace(second=0, microsecond=0) + MINUTE
            self.set_clock(minute + WAKE)
            self._cron(minute)
            self.set_clock(minute + 20 * WAKE)
            if looking:
                self.look()

    def _cron(self, minute: datetime) -> None:
        if not self.cron_lives or not any(box.seen.running for box in self.engine.containers.values()):
            return
        loaded = self.jobs if self.cron_has is None else self.cron_has
        for job, times in loaded.items():
            schedule = parse_schedule(times)
            if minute.minute in schedule.minutes and minute.hour in schedule.hours:
                self.run(job, minute)
        if self.cron_has is None:
            self.agent.tick(self.box)
        else:
            self.agent.write(self.box, "tick", digest="old")

    def run(self, job: str, slot: datetime) -> str:
        id = f"{job}-{next(self._serial)}"
        self.agent.start(self.box, id, job, trigger="cron", slot=slot.isoformat())
        self.agent.finish(self.box, id)
        return id

    def look(self) -> Any:
        return self.watch.look()

    def rows(self, job: str = "load") -> dict[datetime, list[Run]]:
        """Slot -> its rows."""
        for seen in self.engine.boxes("house"):
            if seen.running:
                read_running(self.site, seen)
        found: dict[datetime, list[Run]] = {}
        for run in self.store.runs(RunFilter(box="etl", job=job, limit=100_000)):
            if run.scheduled_for is not None:
                found.setdefault(run.scheduled_for, []).append(run)
        return dict(sorted(found.items()))

    def missed(self, job: str = "load") -> list[str]:
        """The missed slots as `HH:MM reason`, the oldest first."""
        return [
            f"{slot:%H:%M} {run.reason}"
            for slot, runs in self.rows(job).items()
            for run in runs
            if run.status is Status.MISSED
        ]

    def open_kinds(self) -> set[tuple[str, str]]:
        return {(condition.kind.value, condition.job) for condition in self.store.conditions("etl")}

    def close(self) -> None:
        self.store.close()


MakeHouse = Callable[..., House]
