"""The watch: every expected slot ends in a row, and what is not as it should be has a name.

One pass looks at every box. A slot is called missed only when the box's log was read to its end after the
slot's grace was over, so that nobody is alarmed by what the store has merely not read yet. What comes later
all the same replaces the row.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from cronbox.errors import BoxNotRunning, EngineError, NoEngine, NotFound
from cronbox.model.box import SeenBox
from cronbox.model.conditions import TICK_LIMIT, ConditionChange, Kind
from cronbox.ops import Site
from cronbox.ops.conditions import Sight, settle
from cronbox.ops.slots import judge, peek
from cronbox.ops.tail import Tail, read_stopped

BATCHES = 20
"""So many times SLOTS_AT_ONCE in one pass and box; the next pass goes on."""
READ_S = 5.0
"""How long a pass waits for one box's log at most, so that the others have their turn."""
SKEW_EVERY = timedelta(seconds=60)
AHEAD = timedelta(seconds=5)

Read = Callable[[str, SeenBox | None, datetime], bool]
"""Brings all that a box has logged by now into the store -> whether it could."""

log = structlog.get_logger()


class Watch:
    """The passes of one daemon. Keeps what spares them work, and nothing that another process must know."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._dead: dict[str, tuple[str, str | None]] = {}
        """Box -> the container and life of it whose log was read when it had ended, which is once enough."""
        self._skew_s: float | None = None
        self._skew_at: datetime | None = None

    def look(self) -> list[ConditionChange]:
        """One pass -> the conditions that have opened and closed. Raises NoEngine, after it has told so."""
        site = self._site
        try:
            seen = {box.box: box for box in site.engine.boxes(site.project)}
        except NoEngine:
            for name in site.store.expecting():
                self._blind(name)
            raise
        self._look_at_the_clock()
        told = {condition.box for condition in site.store.conditions()}
        return [
            change
            for name in sorted({*site.config.boxes, *seen, *site.store.expecting(), *told})
            for change in look_at(site, name, seen.get(name), read=self._read, skew_s=self._skew_of(name))
        ]

    def _blind(self, name: str) -> None:
        """No engine answers, so nobody knows how the box is; what is known stays, and the lag is told."""
        site = self._site
        if any(condition.kind is Kind.BOX_DOWN for condition in site.store.conditions(name)):
            return
        lagging = SeenBox(name, "", "running", "", 0, "")
        known = name in site.config.boxes
        settle(site, Sight(name, site.now(), lagging, known, read=False, skew_s=self._skew_s))

    def _read(self, name: str, seen: SeenBox | None, moment: datetime) -> bool:
        if seen is None or seen.half_removed:
            return True
        if seen.running:
            self._dead.pop(name, None)
            return read_running(self._site, seen)
        life = (seen.container, seen.started_at)
        if self._dead.get(name) == life and not seen.frozen:
            return True
        read_stopped(self._site.engine, self._site.store, name, container=seen.container, now=self._site.now)
        self._dead[name] = life
        return True

    def _look_at_the_clock(self) -> None:
        """How far the engine's clock, which is that of all boxes, is ahead of ours; asked now and then."""
        now = self._site.now()
        if self._skew_at is not None and now - self._skew_at < SKEW_EVERY:
            return
        try:
            theirs = self._site.engine.info().now
        except NoEngine:
            raise
        except EngineError:
            theirs = None
        after = self._site.now()
        self._skew_at = after
        self._skew_s = None if theirs is None else (theirs - now - (after - now) / 2).total_seconds()

    def _skew_of(self, name: str) -> float | None:
        """A box whose newest event lies in our future when it is read has a clock of its own."""
        cursor = self._site.store.cursor(name)
        if cursor is not None and cursor.last_event_at is not None:
            ahead = cursor.last_event_at - cursor.ingested_at
            if ahead > AHEAD:
                return ahead.total_seconds()
        return self._skew_s


def look_at(
    site: Site,
    name: str,
    seen: SeenBox | None,
    *,
    read: Read,
    moment: datetime | None = None,
    skew_s: float | None = None,
) -> list[ConditionChange]:
    """Account for the slots of one box, and open and close its conditions. `moment`: up to when all that it
    logged is in the store; without it, `read` is asked where that matters."""
    now = moment or site.now()
    _let_go(site, name, seen, now)
    is_read = moment is not None or _bring_in(site, name, seen, now, read)
    if is_read:
        _account(site, name, seen, now)
    known = name in site.config.boxes
    return settle(site, Sight(name, now, seen, known, read=is_read, skew_s=skew_s))


def _let_go(site: Site, name: str, seen: SeenBox | None, now: datetime) -> None:
    """Of a box that is in no config and has no container any more, nothing is expected."""
    if seen is not None or name in site.config.boxes:
        return
    state = site.store.box_state(name)
    if state.wanted:
        site.store.set_wanted(name, False, at=state.stopped_at or now)


def _bring_in(site: Site, name: str, seen: SeenBox | None, now: datetime, read: Read) -> bool:
    """Have all that the box has logged in the store, where anything hangs on it -> whether it is there."""
    ended = seen is not None and not seen.running
    if not ended and not peek(site.store, name, now).absent and not _is_silent(site, name, seen, now):
        return True
    try:
        return read(name, seen, now)
    except (BoxNotRunning, NotFound):
        return False  # It has just ended: the next pass sees it so.
    except NoEngine:
        raise
    except EngineError as error:
        log.warning("log_not_read", box=name, error=error.message)
        return False


def _is_silent(site: Site, name: str, seen: SeenBox | None, now: datetime) -> bool:
    """Whether a running box has not been heard of for so long that its log must be looked at."""
    cursor = site.store.cursor(name)
    heard = cursor.last_event_at if cursor else None
    return seen is not None and seen.running and (heard is None or now - heard > TICK_LIMIT)


def _account(site: Site, name: str, seen: SeenBox | None, moment: datetime) -> None:
    for _ in range(BATCHES):
        if not peek(site.store, name, moment).looks:
            return
        _, more = judge(site.store, name, seen, moment)
        if not more:
            return


def read_running(site: Site, seen: SeenBox, *, within_s: float = READ_S) -> bool:
    """Read the log of a running box to its end -> whether it could be done in time."""
    tail = Tail(site.engine, site.store, seen.box, container=seen.container, now=site.now)
    timer = threading.Timer(within_s, tail.stop)
    timer.daemon = True
    timer.start()
    try:
        return tail.catch_up()
    finally:
        timer.cancel()


def look_after_reading(
    site: Site, seen: Mapping[str, SeenBox], names: list[str], moment: datetime
) -> list[ConditionChange]:
    """The same for a command that has just read these boxes' logs itself."""
    return [
        change
        for name in names
        for change in look_at(site, name, seen.get(name), read=lambda *_: True, moment=moment)
    ]
