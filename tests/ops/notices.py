"""A project with targets, and time that a test moves, for tests of notifications."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cronbox.config import load_config
from cronbox.engine import Engine
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops import Site
from cronbox.ops.alert import note_runs
from cronbox.ops.ingest import ingest
from cronbox.ops.notify import deliver
from cronbox.ops.targets import keep_rules, targets_of
from cronbox.store import Delivery, Store
from tests.ops.boxlog import NOON, BoxLog


def no_engine() -> Engine:
    raise AssertionError("notifications need no engine")


class Post:
    """One project whose runs end as a test says, and whose sender works when a test says."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.store = store
        self.now = NOON
        self.runs = 0
        self.site: Site

    def configure(self, config: str) -> Post:
        (self.root / "crontabs" / "etl").mkdir(parents=True, exist_ok=True)
        (self.root / "config.toml").write_text(config)
        self.site = Site(
            load_config(self.root / "config.toml"),
            connect=no_engine,
            open_store=lambda: self.store,
            now=lambda: self.now,
        )
        keep_rules(self.site)
        return self

    def ended(self, *statuses: str, job: str = "load") -> None:
        """Runs end, one after the other."""
        for status in statuses:
            self.runs += 1
            run = Run(
                f"r{self.runs}",
                "etl",
                job,
                Trigger.CRON,
                Status(status),
                scheduled_for=self.now,
                started_at=self.now,
                finished_at=None if status == "running" else self.now,
                exit_code=3 if status == "failed" else None,
            )
            with self.store.transaction() as tx:
                note_runs(tx, [run], now=self.now)

    def take(self, log: BoxLog) -> None:
        ingest(self.store, "etl", log.events, log_id=log.log_id, now=self.now)

    def send(self) -> None:
        """Send all that is due."""
        targets = targets_of(self.site.config)
        for name in self.store.due_targets(self.now):
            while deliver(self.site, targets[name]):
                pass

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)
        self.send()

    def at(self, moment: datetime) -> None:
        self.now = moment
        self.send()

    @property
    def log(self) -> list[Delivery]:
        """Oldest first."""
        return self.store.deliveries(limit=10_000)[::-1]

    @property
    def states(self) -> list[str]:
        return [delivery.state for delivery in self.log]
