"""Hands one command to the agent through its FIFO."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from .fifo import LINE_BYTES
from .files import write_whole
from .paths import Paths

PATIENCE_SECONDS = 5.0


class NotSent(Exception):
    """The agent did not get the command; the text says why."""


def read_command(raw: bytes) -> dict[str, Any]:
    """The command in a JSON text. Raises NotSent for anything else."""
    try:
        command = json.loads(raw)
    except ValueError as error:
        raise NotSent(f"not JSON: {error}") from error
    if not isinstance(command, dict) or not isinstance(command.get("do"), str):
        raise NotSent('a command is a JSON object with the key "do"')
    return command


def send(paths: Paths, command: dict[str, Any]) -> None:
    """Raises NotSent if no agent reads, or it does not come to read it in time."""
    text = json.dumps(command).encode()
    line = b"@do " + text + b"\n"
    if len(line) > LINE_BYTES:
        name = f"{paths.run_dir}/command-{os.urandom(8).hex()}"
        write_whole(name, text, durable=False)
        line = f"@file {name}\n".encode()
    try:
        fd = os.open(paths.trigger, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotSent(f"the agent does not run: {error}") from error
    try:
        _write_line(fd, line)
    finally:
        os.close(fd)


def _write_line(fd: int, line: bytes) -> None:
    """A line of up to PIPE_BUF bytes goes whole or not at all."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            os.write(fd, line)
            return
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise NotSent("the agent does not read its FIFO") from None
            time.sleep(0.02)
