"""The sender: takes rows out of the outbox, sends them, and writes down how it went.

At least once: a row is marked after it was sent, so a sender that dies between the two sends it again. Each
target is served by a thread of its own, so one that hangs holds up nobody else, and never the daemon's ticks.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from cronbox.errors import CronboxError, NotSent, SendingRefused
from cronbox.model.alert import Ping, tone_of
from cronbox.model.message import OUTPUT_LINES, Message, about_capped, digest_of, with_output
from cronbox.model.quiet import day_begin, next_day
from cronbox.ops import Site
from cronbox.ops.send import get, scheme_of, send_message, send_ping
from cronbox.ops.targets import Target, targets_of
from cronbox.store import outbox
from cronbox.store.outbox import CAPPED, Delivery

LOOK_S = 1.0
LEASE = timedelta(minutes=5)
"""How long a sender has a row for itself; longer than a send may take."""
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=4)
ATTEMPTS = 15
"""With the pauses between them, a good day."""
OLDEST = timedelta(days=2)
TEST = Message("cronbox: a test message", "If you can read this, notifications reach you.")

log = structlog.get_logger()


def pause_after(attempts: int) -> timedelta:
    """From one attempt to the next: 30 s, then twice as long each time, four hours at most."""
    doubled: timedelta = FIRST_RETRY * 2 ** min(attempts - 1, 20)
    return min(doubled, LONGEST_RETRY)


class Sender:
    """Sends what is due, until it is stopped. `well` says whether the daemon does its work, which its own
    ping tells."""

    def __init__(self, site: Site, *, well: Callable[[], bool], stopped: threading.Event) -> None:
        self._site = site
        self._well = well
        self._stopped = stopped
        self._busy: dict[str, threading.Thread] = {}
        self._pinged_at: float | None = None
        self._ping_heard = True

    def run(self) -> None:
        """Look every second. Raises StoreError, and is then started again by the daemon."""
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(LOOK_S)

    def look(self) -> None:
        """Have each target that something is due for served, and ping for the daemon."""
        targets = targets_of(self._site.config)
        due = self._site.store.due_targets(self._site.now())
        if any(name not in targets for name in due):
            with self._site.store.transaction() as tx:
                outbox.give_up_others(tx, list(targets), self._site.now())
        for name in due:
            if name in targets:
                self._serve(name, lambda target=targets[name]: self._empty(target))  # type: ignore[misc]
        self._ping_for_daemon()

    def _serve(self, name: str, work: Callable[[], None]) -> None:
        if (thread := self._busy.get(name)) is None or not thread.is_alive():
            self._busy[name] = threading.Thread(target=_quietly, args=(work,), name=f"to-{name}", daemon=True)
            self._busy[name].start()

    def _empty(self, target: Target) -> None:
        while not self._stopped.is_set() and deliver(self._site, target):
            pass

    def _ping_for_daemon(self) -> None:
        section = self._site.config.file.daemon
        now = time.monotonic()
        waited = self._pinged_at is None or now - self._pinged_at >= section.ping_every
        if section.ping_url is not None and waited and self._well():
            self._pinged_at = now
            url = section.ping_url
            self._serve("", lambda: self._ping(url))

    def _ping(self, url: str) -> None:
        try:
            get(url)
        except NotSent as error:
            if self._ping_heard:
                log.warning("daemon_ping_failed", error=error.message)
            self._ping_heard = False
        else:
            if not self._ping_heard:
                log.info("daemon_ping_heard")
            self._ping_heard = True


def _quietly(work: Callable[[], None]) -> None:
    """The barrier of a target's thread: what went wrong is told, and tried again at the next look."""
    try:
        work()
    except CronboxError as error:
        log.warning("sending_failed", error=error.message)
    except Exception as error:
        # No traceback: the frames of a library may show an address.
        log.error("sending_crashed", error=type(error).__name__)


def deliver(site: Site, target: Target) -> bool:
    """Send the target's next message, if one is due -> whether there may be more to do."""
    now = site.now()
    claim = uuid.uuid4().hex
    taken = _take(site, target, claim, now)
    if not taken:
        return False
    try:
        scheme = _send(site, target, taken)
    except SendingRefused as error:
        _give_up(site, target, claim, error)
    except NotSent as error:
        _try_later(site, target, claim, taken, error)
    else:
        with site.store.transaction() as tx:
            outbox.done(tx, claim, "sent", site.now())
            outbox.prune(tx)
        log.info("notification_sent", target=target.name, scheme=scheme, notices=len(taken))
    return True


def send_test(target: Target) -> str:
    """Send a test message now -> the address's scheme. Raises NotSent."""
    url = target.url()
    send_message(url, TEST)
    return scheme_of(url)


def _take(site: Site, target: Target, claim: str, now: datetime) -> list[Delivery]:
    """What goes into the next message: nothing in quiet hours, and nothing but a count over the daily cap."""
    until = target.quiet_until(now)
    with site.store.transaction() as tx:
        if until is not None:
            outbox.postpone(tx, target.name, now=now, until=until)
            return []
        if target.pings:
            outbox.supersede(tx, target.name, now)
        if target.daily_cap is not None:
            today = day_begin(now, target.zone)
            if outbox.messages_since(tx, target.name, today) >= target.daily_cap:
                outbox.cap(tx, target.name, now=now, tell_at=next_day(now, target.zone))
        most = outbox.MOST_AT_ONCE if target.gathers else 1
        return outbox.take(tx, target.name, now=now, claim=claim, lease=now + LEASE, most=most)


def _send(site: Site, target: Target, taken: Sequence[Delivery]) -> str:
    """Send what was taken as one message -> the address's scheme."""
    url = target.url()
    if target.pings:
        send_ping(url, Ping(taken[0].notice.kind))
    else:
        message = digest_of([_message(site, target, delivery) for delivery in taken])
        send_message(url, message, tone=tone_of(delivery.notice.kind for delivery in taken))
    return scheme_of(url)


def _message(site: Site, target: Target, delivery: Delivery) -> Message:
    notice = delivery.notice
    if notice.kind == CAPPED:
        with site.store.transaction() as tx:
            since = day_begin(notice.at, target.zone)
            return about_capped(outbox.capped_before(tx, target.name, since, next_day(since, target.zone)))
    message = Message(notice.title, notice.body)
    if notice.run is None:
        return message
    return with_output(message, [line.text for line in site.store.tail_output(notice.run, OUTPUT_LINES)])


def _try_later(site: Site, target: Target, claim: str, taken: Sequence[Delivery], error: NotSent) -> None:
    """Each row waits as long as its own attempts say, and all others of the target for a moment: a server
    that is down is not asked once for each. Those that were tried for a day, or wait for two, end."""
    now = site.now()
    by_attempts: dict[int, list[int]] = {}
    for delivery in taken:
        if now - delivery.notice.at < OLDEST:
            by_attempts.setdefault(delivery.attempts + 1, []).append(delivery.pk)
    with site.store.transaction() as tx:
        for attempts, pks in by_attempts.items():
            if attempts < ATTEMPTS:
                outbox.retry(tx, claim, pks, now + pause_after(attempts), error.message)
        outbox.done(tx, claim, "given_up", now, error.message)
        outbox.postpone(tx, target.name, now=now, until=now + FIRST_RETRY)
        outbox.prune(tx)
    log.warning("notification_failed", target=target.name, error=error.message, notices=len(taken))


def _give_up(site: Site, target: Target, claim: str, error: SendingRefused) -> None:
    with site.store.transaction() as tx:
        outbox.done(tx, claim, "given_up", site.now(), error.message)
        outbox.prune(tx)
    log.error("notification_refused", target=target.name, error=error.message)
