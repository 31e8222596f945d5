"""One thread that waits for descriptors, timers and signals, and calls what belongs to them."""

from __future__ import annotations

import heapq
import os
import select
import signal
import time
from collections.abc import Callable, Sequence

Call = Callable[[], None]


class Timer:
    """A call that is due at `when` (monotonic seconds), unless it is cancelled."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: Call) -> None:
        self.when = when
        self.call: Call | None = call

    def cancel(self) -> None:
        self.call = None

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when


class Loop:
    """Level-triggered: a callback may leave data unread and is called again next turn.

    What a callback raises goes to `on_error` and ends nothing: this is PID 1.
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._epoll = select.epoll()
        self._calls: dict[int, Call] = {}
        self._timers: list[Timer] = []

    def watch(self, fd: int, call: Call, *, writing: bool = False, once: bool = False) -> None:
        """Call whenever `fd` can be read (or written, with `writing`) or its other end is gone.

        With `once`, one time until `again` is called. Such descriptors have their calls in the order in which
        they became readable; what is watched all the time keeps its place in the kernel's queue.
        """
        wanted = select.EPOLLOUT if writing else select.EPOLLIN
        self._epoll.register(fd, wanted | select.EPOLLONESHOT if once else wanted)
        self._calls[fd] = call

    def again(self, fd: int) -> None:
        """The next call for what is watched `once`: now, if there is more to read."""
        self._epoll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def forget(self, fd: int) -> None:
        """Stop watching `fd`, before it is closed. Forgetting what is not watched does nothing."""
        if self._calls.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, when: float, call: Call) -> Timer:
        """Call once, at `when` on the monotonic clock."""
        timer = Timer(when, call)
        heapq.heappush(self._timers, timer)
        return timer

    def after(self, seconds: float, call: Call) -> Timer:
        return self.at(time.monotonic() + seconds, call)

    def turn(self, until: float | None = None) -> None:
        """Wait for something, or until a moment on the monotonic clock; make every call that is due."""
        for fd, _ in self._epoll.poll(self._patience(until)):
            call = self._calls.get(fd)
            if call is not None:
                self.guard(call)
        self._fire_timers()

    def guard(self, call: Call) -> None:
        """Make a call; tell `on_error` instead of passing on what it raises."""
        try:
            call()
        except Exception as error:
            self._on_error(error)

    def _patience(self, until: float | None) -> float:
        while self._timers and self._timers[0].call is None:
            heapq.heappop(self._timers)
        moments = [timer.when for timer in self._timers[:1]]
        if until is not None:
            moments.append(until)
        return max(0.0, min(moments) - time.monotonic()) if moments else -1

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0].when <= now:
            call = heapq.heappop(self._timers).call
            if call is not None:
                self.guard(call)


class Signals:
    """Signals as loop events: `take` says which came since the last call."""

    def __init__(self, wanted: Sequence[signal.Signals]) -> None:
        self.fd, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._came: list[int] = []
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in wanted:
            signal.signal(number, self._note)

    def take(self) -> list[int]:
        """Signal numbers in the order of their arrival."""
        os.read(self.fd, 4096)
        came, self._came = self._came, []
        return came

    def _note(self, number: int, _frame: object) -> None:
        self._came.append(number)
