"""One daemon at a time for each project, by a lock on a file that ends with its holder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cronbox.errors import DaemonRunning
from cronbox.model.event import format_time

LOCK_NAME = "daemon.lock"


@contextmanager
def daemon_lock(state_dir: Path, *, now: datetime) -> Iterator[None]:
    """Hold the project's lock. Raises DaemonRunning, which says who holds it."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / LOCK_NAME).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DaemonRunning(
                f"another daemon runs for this project: {_describe(state_dir)}",
                hint="one is enough; end that one with SIGTERM to start another",
            ) from None
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": format_time(now)}
        file.truncate(0)
        file.write(json.dumps(holder))
        file.flush()
        yield


def daemon_holder(state_dir: Path) -> str | None:
    """Who holds the lock now, in words; None if no daemon runs."""
    try:
        file = (state_dir / LOCK_NAME).open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _describe(state_dir)
    return None


def _describe(state_dir: Path) -> str:
    try:
        holder = json.loads((state_dir / LOCK_NAME).read_text())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError):
        return "a process that has only just begun"
