"""Installs a box's crontab so that Debian's cron is sure to load it, and checks what is installed.

cron notices a file only when the whole second of its mtime, or of its folder's, differs from the one it
remembers (database.c:60-256). Hence a draft under a dot name, an mtime of another second than the old
file's, a rename, and a touch of the folder in a later second than that.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import stat
import time
from typing import Any, NamedTuple

from .files import read_json_object, write_all, write_whole
from .paths import Paths
from .send import NotSent, send
from .table import BadTable, parse_table

SEAL = "seal"
"""Where the table keeps the check sums of the crontab and of itself, as they were installed."""


class NotInstalled(Exception):
    """The bundle was not installed; the text says why."""


class Bundle(NamedTuple):
    """What comes through `install`: the crontab with its trigger lines, and the jobs behind them."""

    digest: str
    crontab: str
    table: dict[str, Any]


class Installed(NamedTuple):
    """What `installed` prints. Where nothing was installed, `digest` and `crontab` are None."""

    digest: str | None
    crontab: str | None
    intact: bool
    reason: str | None


def read_bundle(raw: bytes) -> Bundle:
    """Raises NotInstalled for what is not a whole bundle."""
    try:
        bundle = Bundle(**json.loads(raw))
        table = parse_table(bundle.table)
    except (ValueError, TypeError, BadTable) as error:
        raise NotInstalled(f"not a bundle: {error}") from error
    if not isinstance(bundle.crontab, str) or table.digest != bundle.digest:
        raise NotInstalled("not a bundle: the crontab is not text, or the digests differ")
    return bundle


def install(paths: Paths, bundle: Bundle) -> bool:
    """Make the bundle what is installed -> whether anything had to be changed. Raises NotInstalled.

    The table comes first, and the agent reads it once the crontab is there: what fires in between still
    finds the jobs that it names.
    """
    if _stands(paths, bundle):
        return False
    try:
        _write_table(paths, bundle)
        _replace_crontab(paths, bundle.crontab.encode("utf-8", "surrogateescape"))
        with contextlib.suppress(NotSent):
            send(paths, {"do": "reload"})
        _touch_in_a_later_second(paths.crontab_dir)
    except OSError as error:
        raise NotInstalled(str(error)) from error
    if not _stands(paths, bundle):
        raise NotInstalled(f"read back, it is not what was written: {installed(paths).reason}")
    return True


def installed(paths: Paths) -> Installed:
    """What is installed, and whether it is as `install` left it."""
    try:
        table = read_json_object(paths.table)
        crontab = _read(paths.crontab)
    except (OSError, ValueError) as error:
        return Installed(None, None, False, str(error))
    seal = table.get(SEAL) or {}
    text = crontab.decode("utf-8", "surrogateescape")
    reason = _tampering(paths.crontab)
    if reason is None and _sum(crontab) != seal.get("crontab"):
        reason = f"{paths.crontab} was changed"
    if reason is None and _table_sum(table) != seal.get("table"):
        reason = f"{paths.table} was changed"
    return Installed(table.get("digest"), text, reason is None, reason)


def _stands(paths: Paths, bundle: Bundle) -> bool:
    seen = installed(paths)
    return seen.intact and seen.digest == bundle.digest and seen.crontab == bundle.crontab


def _write_table(paths: Paths, bundle: Bundle) -> None:
    crontab = bundle.crontab.encode("utf-8", "surrogateescape")
    seal = {"crontab": _sum(crontab), "table": _table_sum(bundle.table)}
    os.makedirs(os.path.dirname(paths.table), mode=0o755, exist_ok=True)
    write_whole(paths.table, json.dumps({**bundle.table, SEAL: seal}).encode())


def _replace_crontab(paths: Paths, content: bytes) -> None:
    draft = f"{paths.crontab_dir}/.cronbox-{os.urandom(4).hex()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        write_all(fd, content)
        os.fsync(fd)
        _differ_in_mtime(fd, paths.crontab)
        os.rename(draft, paths.crontab)
    except OSError:
        os.unlink(draft)
        raise
    finally:
        os.close(fd)


def _differ_in_mtime(fd: int, old: str) -> None:
    """Give the draft another mtime second than the file it replaces."""
    try:
        second = int(os.stat(old).st_mtime)
    except FileNotFoundError:
        return
    if int(os.fstat(fd).st_mtime) == second:
        os.utime(fd, (second + 1, second + 1))


def _touch_in_a_later_second(directory: str) -> None:
    """cron may have looked in the very second of the rename, and would not look again."""
    renamed = int(os.stat(directory).st_mtime)
    while int(time.time()) <= renamed:
        time.sleep(renamed + 1 - time.time() if time.time() > renamed else 0.1)
    os.utime(directory)


def _tampering(path: str) -> str | None:
    """Why cron would refuse the file, or read another than ours (database.c:373-443)."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file"
    if found.st_uid != 0:
        return f"{path} belongs to user {found.st_uid}, not to root"
    if found.st_mode & 0o022:
        return f"{path} can be written by others than root"
    if found.st_nlink != 1:
        return f"{path} has {found.st_nlink} links"
    return None


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        return file.read()


def _table_sum(table: dict[str, Any]) -> str:
    unsealed = {key: value for key, value in table.items() if key != SEAL}
    return _sum(json.dumps(unsealed, sort_keys=True).encode())


def _sum(content: bytes) -> str:
    """Tells an edit by hand; root could forge any sum. hashlib would cost every agent 4 MB (OpenSSL)."""
    return f"{binascii.crc32(content):08x}-{len(content)}"
