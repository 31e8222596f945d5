"""The box's secrets: kept over restarts, and given to jobs as files that only their user can read.

What is kept lies in a volume of its own, so that neither an image, nor a container, nor a log holds it. What
jobs see lies in memory. The folders there are root's, because root in a box has no right to write into
anybody else's; the files in them are made by root and given away last.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, NamedTuple

from .accounts import Account
from .files import read_json_object, version_of, write_all, write_whole
from .paths import Paths
from .redact import Veil

ROOT = 0
NEVER = (0, 0)
"""The version of what was never looked at."""


class NotDelivered(Exception):
    """A job's secret has no value in this box; the text names it."""


class BadSecrets(Exception):
    """What came is not a set of secrets. The text holds nothing of it."""


class Grant(NamedTuple):
    """Who gets a secret: these jobs, or all of the box (`None`); and whether as a variable, too."""

    name: str
    variable: bool = False
    jobs: frozenset[str] | None = None


def parse_grant(raw: dict[str, Any]) -> Grant:
    jobs = raw.get("jobs")
    return Grant(str(raw["name"]), bool(raw.get("variable")), None if jobs is None else frozenset(jobs))


def keep(paths: Paths, raw: bytes) -> bool:
    """Keep the values that came, and the old ones of those to keep -> whether anything is new. The agent
    looks at each start of a job. Raises BadSecrets, OSError."""
    values, old_ones = _parse(raw)
    before = _kept(paths.secrets)
    after = {name: before[name] for name in old_ones if name in before} | values
    if after == before:
        return False
    _open_folder(os.path.dirname(paths.secrets), 0o700)
    write_whole(paths.secrets, json.dumps(after).encode())
    return True


def _parse(raw: bytes) -> tuple[dict[str, str], list[str]]:
    """Whatever is wrong, the error must not quote what came."""
    try:
        given = json.loads(raw)
        values, old_ones = given["values"], given["keep"]
        if all(isinstance(text, str) for text in (*values, *values.values(), *old_ones)):
            return dict(values), list(old_ones)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise BadSecrets("not a set of secrets")


def _kept(path: str) -> dict[str, str]:
    """Nothing where there is no file, or a broken one: the next that comes replaces it. Raises OSError."""
    try:
        return read_json_object(path)
    except (FileNotFoundError, ValueError):
        return {}


class Vault:
    """What the agent knows of the secrets, and what it has given to whom."""

    def __init__(self, paths: Paths) -> None:
        """Raises OSError."""
        self.veil = Veil()
        """Hides the values in the jobs' output."""
        self._path = paths.secrets
        self._shown = paths.secrets_dir
        self._grants: tuple[Grant, ...] = ()
        self._version: tuple[int, int] | None = NEVER
        self._values: dict[str, bytes] = {}
        self._folders: dict[str, tuple[Account, str | None]] = {}
        _open_folder(os.path.dirname(self._path), 0o700)
        _open_folder(self._shown, 0o711)

    def grant(self, grants: tuple[Grant, ...]) -> None:
        """Who gets what from now on. Where nobody gets anything, nothing is kept. Raises OSError."""
        self._grants = grants
        if not grants:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        self._version = NEVER
        self._look()

    def environment(self, job: str, account: Account) -> dict[bytes, bytes]:
        """What tells a job where its secrets are, after they have been put there.

        Raises NotDelivered if one of them has no value, OSError.
        """
        granted = self._granted(job)
        if not granted:
            return {}
        self._look()
        missing = ", ".join(grant.name for grant in granted if grant.name not in self._values)
        if missing:
            raise NotDelivered(f"no value in this box for the secret {missing}; `cronbox ps` tells why")
        limited = any(grant.jobs is not None for grant in granted)
        folder = self._folder(account, job if limited else None)
        env = {b"CRONBOX_SECRETS": folder.encode()}
        for grant in granted:
            name = grant.name.encode()
            env[name + b"_FILE"] = b"%s/%s" % (folder.encode(), name)
            if grant.variable:
                env[name] = self._values[grant.name]
        return env

    def _granted(self, job: str | None) -> list[Grant]:
        """What a job gets; for None, what every job gets."""
        return [grant for grant in self._grants if grant.jobs is None or job in grant.jobs]

    def _look(self) -> None:
        """Read what is kept, if it is not what was read before, and bring every folder up to date, also those
        of jobs that run. If that fails, it is tried again at the next look."""
        version = version_of(self._path)
        if version == self._version:
            return
        kept = _kept(self._path)
        self._values = {name: value.encode("utf-8", "surrogateescape") for name, value in kept.items()}
        self.veil.learn(self._values.values())
        for folder, (account, job) in self._folders.items():
            self._fill(folder, account, job)
        self._version = version

    def _folder(self, account: Account, job: str | None) -> str:
        """A user's folder of what every job gets, or of what this one gets of all."""
        name = f"{account.uid}.{account.gid}" + (f".{job}" if job else "")
        folder = f"{self._shown}/{name}"
        if folder not in self._folders:
            self._fill(folder, account, job)
            self._folders[folder] = account, job
        return folder

    def _fill(self, folder: str, account: Account, job: str | None) -> None:
        _open_folder(folder, 0o750, group=account.gid)
        names = [grant.name for grant in self._granted(job) if grant.name in self._values]
        for stale in set(os.listdir(folder)).difference(names):
            os.unlink(f"{folder}/{stale}")
        for name in names:
            _give(f"{folder}/{name}", self._values[name], account)


def _open_folder(path: str, mode: int, *, group: int = ROOT) -> None:
    """A folder of root's with this mode, whatever it was before."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    os.chown(path, ROOT, group)
    os.chmod(path, mode)


def _give(path: str, value: bytes, account: Account) -> None:
    """A file that its user alone can read; who reads it meanwhile sees the old value or the new."""
    draft = f"{path}.new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        write_all(fd, value)
        os.fchown(fd, account.uid, account.gid)
    finally:
        os.close(fd)
    os.rename(draft, path)
