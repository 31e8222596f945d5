"""Listens where cron logs, so that what it complains about is known and it never waits for a reader."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Callable

RECEIVE_BYTES = 4 * 1024 * 1024
MESSAGES_A_TURN = 500
SAME_TEXT_SECONDS = 60.0
TEXTS_REMEMBERED = 200

_LINE = re.compile(r"<\d+>\w{3} [ \d]\d [\d:]{8} (?:\S+ )?(?P<ident>\w+)\[\d+\]: (?P<text>.*)", re.DOTALL)
_ROUTINE = re.compile(
    r"\) (CMD|END|RELOAD|INFO|STARTUP|info) \(|pam_unix\(cron:session\): session (opened|closed)|@reboot"
)


def complaint(datagram: bytes) -> str | None:
    """What cron is unhappy about; None for its routine, and for what others log."""
    match = _LINE.match(datagram.decode("utf-8", "replace").rstrip("\n\0"))
    if match is None or match["ident"].lower() not in ("cron", "crond") or _ROUTINE.search(match["text"]):
        return None
    return match["text"]


class Syslog:
    """The socket /dev/log. The same text is told at most once a minute: cron repeats itself each minute."""

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        """Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._tell = tell
        self._told: dict[str, float] = {}

    @property
    def fd(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> None:
        """Take in what has come."""
        for _ in range(MESSAGES_A_TURN):
            try:
                datagram = self._socket.recv(65536)
            except BlockingIOError:
                return
            text = complaint(datagram)
            if text is not None:
                self._pass_on(text)

    def _pass_on(self, text: str) -> None:
        now = time.monotonic()
        if now < self._told.get(text, 0.0):
            return
        if len(self._told) >= TEXTS_REMEMBERED:
            self._told.clear()
        self._told[text] = now + SAME_TEXT_SECONDS
        self._tell(text)
