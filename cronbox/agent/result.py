"""What a job says about itself: `key=value` lines that it appends to the file named in CRONBOX_RESULT.

Any user makes its own file in one directory, and lists nothing there. A file is read with no more trust than
its user has: it could be a link, a pipe, or somebody else's file that was moved in.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import NamedTuple

from .accounts import Account

DIRECTORY_MODE = 0o1733
FILE_BYTES = 64 * 1024
MOST_KEYS = 64
LONGEST_VALUE = 1000
LINE = re.compile(rf"([A-Za-z_][A-Za-z0-9_.-]{{0,63}})=(.{{0,{LONGEST_VALUE}}})", re.DOTALL)
ROOT = 0


class Result(NamedTuple):
    """What was said, and what the run's output shall tell of the rest."""

    values: dict[str, str]
    note: str | None = None


NOTHING = Result({})


def make_directory(path: str) -> None:
    """Begin with an empty directory: what an earlier life of the box left belongs to runs that are lost."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, DIRECTORY_MODE)
    for name in os.listdir(path):
        _remove(f"{path}/{name}")


def take_result(path: str, account: Account) -> Result:
    """What a run of this account has said in its file, which is removed. Never raises for what is there."""
    try:
        fd = _open_as(account, path)
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        _remove(path)
        return _unread(error.strerror)
    try:
        refused = _refused(os.fstat(fd), account)
        return _unread(refused) if refused else parse(os.read(fd, FILE_BYTES + 1))
    except OSError as error:
        return _unread(error.strerror)
    finally:
        os.close(fd)
        _remove(path)


def _unread(why: object) -> Result:
    return Result({}, f"CRONBOX_RESULT is not read: {why}")


def parse(raw: bytes) -> Result:
    """The last value of each key, in the order in which they came up first; other lines are counted."""
    values: dict[str, str] = {}
    left_out = 0
    for line in _whole_lines(raw):
        match = LINE.fullmatch(line)
        if match is None or (match[1] not in values and len(values) == MOST_KEYS):
            left_out += bool(line.strip())
        else:
            values[match[1]] = match[2]
    notes = [f"{left_out} of its lines are not taken"] if left_out else []
    notes += [f"only its first {FILE_BYTES} bytes are read"] if len(raw) > FILE_BYTES else []
    return Result(values, f"CRONBOX_RESULT: {', '.join(notes)}" if notes else None)


def _whole_lines(raw: bytes) -> list[str]:
    """A line that the limit cuts is left out."""
    if len(raw) > FILE_BYTES:
        raw = raw[: raw.rfind(b"\n", 0, FILE_BYTES) + 1]
    return raw.decode("utf-8", "replace").split("\n")


def _open_as(account: Account, path: str) -> int:
    """Root has no rights over a file that its user has closed to others: the box has no such capability."""
    try:
        return _open(path)
    except PermissionError:
        os.setegid(account.gid)
        os.seteuid(account.uid)
        try:
            return _open(path)
        finally:
            os.seteuid(ROOT)
            os.setegid(ROOT)


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _refused(found: os.stat_result, account: Account) -> str | None:
    """Why this is not what the run's user has written. A second name would be a link to what is elsewhere; a
    file of root's would be one that a user has moved here, to have it read."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        return "it is no plain file"
    return None if found.st_uid == account.uid else f"it does not belong to {account.name}"


def _remove(path: str) -> None:
    """A directory with something in it stays; nobody else can use its name."""
    with suppress(OSError):
        try:
            os.unlink(path)
        except IsADirectoryError:
            os.rmdir(path)
