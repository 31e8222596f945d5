"""The FIFO: lines from cron and commands from outside, as values.

Writers of up to 4096 bytes never mix (PIPE_BUF), so each write is a whole number of lines. What does not
end in a newline when the FIFO is empty will not be completed by its writer.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, NamedTuple

LINE_BYTES = 4096
READ_BYTES = 65536
FILE_BYTES = 1024 * 1024


class Due(NamedTuple):
    """cron says that these jobs are due."""

    jobs: tuple[str, ...]


class Tick(NamedTuple):
    """cron is alive and has loaded the crontab of this digest."""

    digest: str


class Command(NamedTuple):
    """Somebody outside asks for something."""

    verb: str
    fields: dict[str, Any]


class Bad(NamedTuple):
    """A line that means nothing."""

    text: str
    reason: str


Message = Due | Tick | Command | Bad


class Fifo:
    """The agent's end. Open for writing too, so that it never reads an end of file."""

    def __init__(self, path: str) -> None:
        """Makes the FIFO anew, root:root 0600. Raises OSError."""
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path, 0o600)
        os.chmod(path, 0o600)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._directory = os.path.dirname(path)
        self._rest = b""

    def read(self) -> list[Message]:
        """What has come; a bounded part of it, so that a flood leaves time for other work."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return []
        *whole, rest = (self._rest + data).split(b"\n")
        messages = [parse(line, self._directory) for line in whole if line.strip()]
        drained = len(data) < READ_BYTES
        if rest and (drained or len(rest) > LINE_BYTES):
            messages.append(Bad(_shown(rest), "no newline ends it"))
            rest = b""
        self._rest = rest
        return messages


def parse(line: bytes, directory: str) -> Message:
    """One line without its newline. `directory` is where an `@file` may stand."""
    if len(line) >= LINE_BYTES:
        return Bad(_shown(line), f"longer than {LINE_BYTES} bytes")
    word, _, rest = line.partition(b" ")
    match word:
        case b"@tick":
            return Tick(rest.strip().decode("ascii", "replace"))
        case b"@do":
            return _command(rest)
        case b"@file":
            return _command_in(rest.decode("utf-8", "surrogateescape").strip(), directory)
        case _ if word.startswith(b"@"):
            return Bad(_shown(line), "unknown word")
        case _:
            return Due(tuple(line.decode("utf-8", "surrogateescape").split()))


def _command(raw: bytes) -> Message:
    try:
        fields = json.loads(raw)
        verb = fields.pop("do")
    except (ValueError, KeyError, AttributeError, TypeError):
        return Bad(_shown(raw), 'a command is a JSON object with the key "do"')
    if not isinstance(verb, str):
        return Bad(_shown(raw), '"do" is not a string')
    return Command(verb, fields)


def _command_in(path: str, directory: str) -> Message:
    """The command in a file, which is removed. Only our own file in our own folder is read."""
    if os.path.dirname(path) != directory:
        return Bad(path, f"not a file in {directory}")
    try:
        raw = _read_own(path)
    except OSError as error:
        return Bad(path, str(error))
    return _command(raw)


def _read_own(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{path} is not a regular file of ours")
        raw = os.read(fd, FILE_BYTES)
    finally:
        os.close(fd)
    os.unlink(path)
    return raw


def _shown(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace")
