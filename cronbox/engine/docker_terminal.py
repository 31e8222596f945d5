"""A command in a box on this process's own terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from cronbox.engine.docker_exec import Exec
from cronbox.engine.docker_streams import CHUNK, STDERR, STDOUT, Demultiplexer
from cronbox.errors import CronboxError


def attach_terminal(running: Exec) -> int:
    """Pump stdin into the command and its output out, until it ends -> its exit code.

    With a terminal on both sides every key goes through as it is, Ctrl-C included, and the size follows
    the window's.
    """
    stdin = sys.stdin.fileno()
    with ExitStack() as stack:
        resized = -1
        if running.tty and os.isatty(stdin):
            stack.enter_context(_raw(stdin))
            resized = stack.enter_context(_window_changes())
            _fit(running, stdin)
        _pump(running, stdin, resized)
    return running.exit_code()


def _pump(running: Exec, stdin: int, resized: int) -> None:
    connection, frames = running.connection, Demultiplexer()
    unsent = memoryview(b"")
    listening = {stdin} | ({resized} if resized >= 0 else set())
    while (chunk := connection.receive_now()) != b"":
        if chunk is not None:
            _show(chunk, None if running.tty else frames)
            continue
        poll = select.poll()
        poll.register(connection, select.POLLIN | (select.POLLOUT if unsent else 0))
        for descriptor in listening - ({stdin} if unsent else set()):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        if unsent:
            unsent = connection.send_now(unsent)
        if resized in ready:
            os.read(resized, CHUNK)
            _fit(running, stdin)
        if stdin in ready:
            typed = os.read(stdin, CHUNK)
            unsent = connection.send_now(memoryview(typed))
            if not typed:
                listening.discard(stdin)
                connection.end_input()


def _show(chunk: bytes, frames: Demultiplexer | None) -> None:
    """A terminal's output is one plain stream; without one, stdout and stderr come in frames."""
    for stream, content in [(STDOUT, chunk)] if frames is None else frames.feed(chunk):
        out: IO[bytes] = sys.stderr.buffer if stream == STDERR else sys.stdout.buffer
        out.write(content)
        out.flush()


@contextmanager
def _raw(stdin: int) -> Iterator[None]:
    before = termios.tcgetattr(stdin)
    tty.setraw(stdin)
    try:
        yield
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


@contextmanager
def _window_changes() -> Iterator[int]:
    """A descriptor that becomes readable when the window's size changes: a handler must not call the API."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def note(*_: object) -> None:
        with suppress(BlockingIOError):
            os.write(writing, b".")

    before = signal.signal(signal.SIGWINCH, note)
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reading)
        os.close(writing)


def _fit(running: Exec, stdin: int) -> None:
    """Sizes are a convenience: a command that has just ended, or not quite begun, keeps the one it has."""
    size = os.get_terminal_size(stdin)
    with suppress(CronboxError):
        running.resize(size.lines, size.columns)
