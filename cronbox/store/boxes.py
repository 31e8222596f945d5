"""Boxes: what is wanted of each, and what its log and the daemon said of it last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from cronbox.store.database import Transaction
from cronbox.store.statement import Statement, moment
from cronbox.store.tables import BOX, UtcTime


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
    zone: str | None = None
    """The time zone in which its cron runs, as the last boot said."""
    down_at: datetime | None = None
    """When a person put it down last. From then on no slot is expected of it, until it boots again."""

    @property
    def drifted(self) -> bool:
        return self.drift is not None


DEFAULTS: dict[str, Any] = {"wanted": 1, "cron_alive": 0, "draining": 0}


FIELDS = tuple(field.name for field in fields(BoxState))
READ = Statement(select(*(BOX.c[name] for name in FIELDS)).where(BOX.c.name == bindparam("name")), ["name"])
TIMES = tuple(name for name in FIELDS if isinstance(BOX.c[name].type, UtcTime))


def read(tx: Transaction, box: str) -> BoxState:
    for row in READ.query(tx, [box]):
        values = dict(zip(FIELDS, row, strict=True))
        return _state(values | {name: moment(values[name]) for name in TIMES})
    return BoxState(box)


def read_all(tx: Transaction) -> dict[str, BoxState]:
    return {row.name: _state(row._asdict()) for row in tx.execute(select(BOX).order_by(BOX.c.name))}


def change(tx: Transaction, box: str, changes: Mapping[str, Any]) -> None:
    """Set columns of the box's row, which is made if it is not there."""
    if not changes:
        return
    if tx.execute(update(BOX).where(BOX.c.name == box).values(**changes)).rowcount == 0:
        tx.execute(insert(BOX).values(name=box, **{**DEFAULTS, **changes}))


def _state(values: Mapping[str, Any]) -> BoxState:
    return BoxState(**{**values, **{flag: bool(values[flag]) for flag in DEFAULTS}})
