"""The box's users, looked up once until /etc/passwd or /etc/group change."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple

DATABASES = ("/etc/passwd", "/etc/group")


class Account(NamedTuple):
    """Who a job runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class UnknownUser(Exception):
    """No such user in this box."""


class Accounts:
    """A cache: a look-up reads two files, and a full minute needs a hundred."""

    def __init__(self) -> None:
        self._known: dict[str, Account] = {}
        self._version: tuple[int, ...] = ()

    def find(self, name: str) -> Account:
        """Raises UnknownUser."""
        version = tuple(os.stat(path).st_mtime_ns for path in DATABASES)
        if version != self._version:
            self._known, self._version = {}, version
        account = self._known.get(name)
        if account is None:
            account = self._known[name] = _look_up(name)
        return account


def _look_up(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise UnknownUser(f'unknown user "{name}"') from None
    groups = tuple(os.getgrouplist(name, entry.pw_gid))
    return Account(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir or "/")
