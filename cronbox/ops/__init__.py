"""Verbs: where the engine meets the store. Each takes the `Site` it works on, and time as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronbox.config import Config
    from cronbox.engine import Engine
    from cronbox.ops.secrets import Delivery
    from cronbox.store import Store

Report = Callable[[str], None]
"""Receives one readable line for each thing done."""


class Site:
    """One project at work: its config, its engine, its store and the clock. Engine and store are opened at
    their first use, so that a command pays, and fails, only for what it needs."""

    def __init__(
        self,
        config: Config,
        *,
        connect: Callable[[], Engine],
        open_store: Callable[[], Store],
        now: Callable[[], datetime],
    ) -> None:
        self.config = config
        self._connect = connect
        self._open_store = open_store
        self.now = now
        self.delivered: dict[str, Delivery] = {}
        """The secrets that each box has been given, in memory only; `ops.secrets` keeps it."""

    @cached_property
    def engine(self) -> Engine:
        return self._connect()

    @cached_property
    def store(self) -> Store:
        return self._open_store()

    @property
    def project(self) -> str:
        return self.config.project
