"""Who leads. One daemon acts for a project; the others wait until it is gone.

With SQLite that is a lock on a file, which ends with its holder. With PostgreSQL, where the daemons may be
on several hosts, it is a lease in the database, which the leader renews. A leader that hangs, or is cut off,
cannot know that it leads no more. So its store writes only while its token is the newest, checked in each
transaction, and its engine acts only while, besides, the lease has not run out by our own clock.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import structlog

from cronbox.engine import Engine
from cronbox.errors import DaemonRunning, LeaseLost, StoreError, StoreLost, StoreRefused
from cronbox.model.event import format_time
from cronbox.ops import Site
from cronbox.ops.lock import daemon_holder, daemon_lock
from cronbox.store import Leader, Store

TTL = timedelta(seconds=8)
RENEW_S = 2.0
"""How often a leader renews its lease, and a waiting daemon looks at it: at most 10 s without a leader."""

REFUSED_S = 15.0
"""How often a database that does not let us in is tried again: some lock out who knocks too often."""

READS = frozenset({"info", "images", "boxes", "sizes", "stream", "read_log", "events"})
"""What an engine may be asked by anybody; all else acts."""

log = structlog.get_logger()


class Term:
    """The time in which this daemon leads: what it works on, and whether that time is over."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def leading(self) -> bool:
        return True


def terms(site: Site, stopped: threading.Event, looked: Callable[[], None] = lambda: None) -> Iterator[Term]:
    """Each time that this daemon leads, until `stopped`. A term is over when the next is asked for. While
    another one leads, `looked` is called after each look whether it still does. Raises
    DaemonRunning where the daemons do not share a database and another one runs; StoreError for a database
    that cannot be used, but one that does not answer is waited for."""
    if not site.config.shares_database:
        with daemon_lock(site.config.state_dir, now=site.now()):
            yield Term(site)
        return
    waiting = _Waiting(site)
    while not stopped.is_set():
        if (lease := waiting.look()) is not None:
            with lease.kept():
                yield LeasedTerm(site, lease)
        else:
            looked()
            stopped.wait(waiting.pause_s)


def who_leads(site: Site) -> str | None:
    """The daemon that leads this project now, in words; None if there is none. Raises StoreError."""
    if not site.config.shares_database:
        return daemon_holder(site.config.state_dir)
    leader = site.store.leader()
    return _words(leader) if leader is not None and leader.live else None


@contextmanager
def nobody_leads(site: Site) -> Iterator[None]:
    """No daemon leads, or begins to, while the block runs. Raises DaemonRunning if one does already."""
    if not site.config.shares_database:
        with daemon_lock(site.config.state_dir, now=site.now()):
            yield
        return
    with closing(Store.open(site.config.database_url)) as store:
        if store.revision() is None:
            yield
        else:
            store.upgrade()
            with _lease_of_nobody(store).kept():
                yield


def _lease_of_nobody(store: Store) -> Lease:
    """The lease, so that no daemon has it. Raises DaemonRunning."""
    began = _clock()
    token = store.take_lease(host=socket.gethostname(), pid=os.getpid(), ttl=TTL)
    if token is None:
        leader = store.leader()
        raise DaemonRunning(
            f"a daemon runs for this project: {_words(leader) if leader else 'it has just begun'}",
            hint="end it with SIGTERM first, and those that wait for it",
        )
    return Lease(store, token, began)


def _words(leader: Leader) -> str:
    return f"process {leader.pid} on {leader.host} since {format_time(leader.since)}"


class LeasedTerm(Term):
    """A term by lease. Its store and engine refuse, with LeaseLost, once it is over."""

    def __init__(self, site: Site, lease: Lease) -> None:
        store = lease.store.fenced(lease.token)

        def hold() -> None:
            lease.check()
            store.hold_lease()

        super().__init__(
            Site(
                site.config,
                connect=lambda: cast(Engine, Fenced(site.engine, hold)),
                open_store=lambda: store,
                now=site.now,
            )
        )
        self._lease = lease

    def leading(self) -> bool:
        return self._lease.valid


class Fenced:
    """An engine that acts only for the daemon that leads."""

    def __init__(self, engine: Engine, hold: Callable[[], None]) -> None:
        self._engine = engine
        self._hold = hold

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            self._hold()
        return getattr(self._engine, name)


class Lease:
    """A lease that was taken, and is renewed by a thread while it is `kept`."""

    def __init__(self, store: Store, token: int, began: float) -> None:
        self.store = store
        self.token = token
        self._until = began + TTL.total_seconds()
        self._given_up = threading.Event()

    @property
    def valid(self) -> bool:
        """Whether it cannot have run out. Never longer than the database thinks so: our time begins before
        we asked for it, and goes on while this process stands still."""
        return not self._given_up.is_set() and _clock() < self._until

    def check(self) -> None:
        """Raises LeaseLost where it may have run out."""
        if not self.valid:
            raise LeaseLost("this daemon leads no more", hint="`cronbox doctor` says which does")

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renewed until the block ends, and then given back."""
        log.info("lease_taken", token=self.token)
        keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            log.info("lease_given_back" if self.valid else "lease_lost", token=self.token)
            self._given_up.set()
            with suppress(StoreError):
                self.store.release_lease(self.token)

    def _keep(self) -> None:
        while not self._given_up.wait(RENEW_S):
            began = _clock()
            try:
                renewed = self.store.renew_lease(self.token, ttl=TTL)
            except StoreError as error:
                log.warning("lease_not_renewed", error=error.message)
                continue
            if not renewed:
                return self._given_up.set()
            self._until = began + TTL.total_seconds()


@dataclass(slots=True)
class _Waiting:
    """Looks whether somebody leads, and tells when that changes."""

    site: Site
    told: str | None = None
    pause_s: float = RENEW_S

    def look(self) -> Lease | None:
        """A lease, if nobody else has one."""
        began = _clock()
        self.pause_s = RENEW_S
        try:
            token = self.site.store.take_lease(host=socket.gethostname(), pid=os.getpid(), ttl=TTL)
            leader = None if token is not None else self.site.store.leader()
        except StoreRefused as error:
            self.pause_s = REFUSED_S
            self._tell("store_refused", error=error.message, hint=error.hint, again_s=f"{REFUSED_S:g}")
            return None
        except StoreLost as error:
            self._tell("store_lost", error=error.message)
            return None
        if token is not None:
            self.told = None
            return Lease(self.site.store, token, began)
        if leader is not None:
            self._tell("daemon_waiting", leader=_words(leader))
        return None

    def _tell(self, event: str, **what: str) -> None:
        words = f"{event} {what}"
        if words != self.told:
            log.warning(event, **what)
        self.told = words


def _clock() -> float:
    """Seconds that also count while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
