"""Small files that must be whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any


def write_whole(path: str, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Replace `path` so that a reader sees the old content or the new, also after a power cut if `durable`.

    Raises OSError; then the old file stands and nothing is left behind.
    """
    draft = f"{path}.new"
    try:
        _write_draft(draft, content, mode=mode, durable=durable)
        os.rename(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _write_draft(draft: str, content: bytes, *, mode: int, durable: bool) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        write_all(fd, content)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes) -> None:
    """Write every byte to a blocking descriptor."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def version_of(path: str) -> tuple[int, int] | None:
    """Changes whenever the file is replaced; None while there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def read_json_object(path: str) -> dict[str, Any]:
    """The JSON object in a file. Raises OSError, or ValueError for anything else than an object."""
    with open(path, "rb") as file:
        value = json.loads(file.read())
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return value
