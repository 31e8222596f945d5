"""Boxes: what is wanted of each, and what its log and the daemon said of it last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from cronbox.store.database import Transaction
from cronbox.store.tables import BOX


@dataclass(frozen=True, slots=True)
class BoxState:
    """A box as the store knows it. Times are the box's own clock, aware UTC.

    A box of which nothing was ever written is wanted and has no more to say.
    """

    name: str
    wanted: bool = True
    problem: str | None = None
    """Why its crontab, or the box, could not be brought to what config.toml wants."""
    drift: str | None = None
    """What somebody changed in the box behind cronbox's back, and when that was seen."""
    drift_at: datetime | None = None
    installed: str | None = None
    """Digest of the crontab that was installed last."""
    loaded: str | None = None
    """Digest of the table that the agent read last."""
    tick: str | None = None
    """Digest that cron itself named in its last tick, and when."""
    tick_at: datetime | None = None
    cron_alive: bool = False
    draining: bool = False
    booted_at: datetime | None = None
    stopped_at: datetime | None = None
    """When the agent said goodbye; None while it runs, and after a death without one."""
    death: str | None = None
    """How the engine says the last boot ended, if it said so before its runs were closed."""

    @property
    def drifted(self) -> bool:
        return self.drift is not None


DEFAULTS: dict[str, Any] = {"wanted": 1, "cron_alive": 0, "draining": 0}


def read(tx: Transaction, box: str) -> BoxState:
    row = tx.execute(select(BOX).where(BOX.c.name == box)).one_or_none()
    return _state(row) if row else BoxState(box)


def read_all(tx: Transaction) -> dict[str, BoxState]:
    return {row.name: _state(row) for row in tx.execute(select(BOX).order_by(BOX.c.name))}


def change(tx: Transaction, box: str, changes: Mapping[str, Any]) -> None:
    """Set columns of the box's row, which is made if it is not there."""
    if not changes:
        return
    if tx.execute(update(BOX).where(BOX.c.name == box).values(**changes)).rowcount == 0:
        tx.execute(insert(BOX).values(name=box, **{**DEFAULTS, **changes}))


def _state(row: Row[Any]) -> BoxState:
    flags = {flag: bool(row._mapping[flag]) for flag in DEFAULTS}
    return BoxState(**{**row._mapping, **flags})
