"""A look from inside a box: what only somebody in it sees of trigger, log, clock, mounts and secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cronbox.config import BoxConfig
from cronbox.engine import ExecResult
from cronbox.errors import EngineError
from cronbox.model.box import SeenBox
from cronbox.model.durations import format_size
from cronbox.ops import Site
from cronbox.ops.finding import Finding, Level

SKEW_S = 2.0
DISK_FULL_PERCENT = 95

PYTHON = ("/usr/bin/python3", "-IS", "-c")
PROBE = """
import array, errno, fcntl, json, os, stat, sys, termios, time
FIFO, LOG, SECRETS = "/run/cronbox/trigger", "/log", "/var/lib/cronbox/secrets.json"
def waiting(reader):
    size = array.array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, size)
    return size[0]
def fifo():
    if not stat.S_ISFIFO(os.stat(FIFO).st_mode):
        return "is no FIFO"
    try:
        os.close(os.open(FIFO, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return "has no reader" if error.errno == errno.ENXIO else os.strerror(error.errno)
    with open("/proc/1/stat") as file:
        if file.read().rpartition(")")[2].split()[0] in "Tt":
            return "is not read: the agent was stopped by a signal"
    reader = os.open(FIFO, os.O_RDONLY | os.O_NONBLOCK)
    for _ in range(20):
        if not waiting(reader):
            return ""
        time.sleep(0.1)
    return "is full of what the agent does not read"
def log():
    path = os.path.join(LOG, ".doctor")
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, bytes(4096))
        os.fsync(file)
    finally:
        os.close(file)
        os.unlink(path)
    return ""
def secrets():
    with open(SECRETS) as file:
        return sorted(json.load(file))
def mount(path):
    return "is not there" if not os.path.exists(path) else (
        "was deleted on the host" if not os.stat(path).st_nlink else "")
def tried(look, *given):
    try:
        return look(*given)
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return os.strerror(error.errno)
disk = os.statvfs(LOG)
print(json.dumps({
    "now": time.time(),
    "fifo": tried(fifo),
    "log": tried(log),
    "log_bytes": sum(entry.stat().st_size for entry in os.scandir(LOG) if entry.is_file()),
    "log_used": round(100 * (1 - disk.f_bavail / disk.f_blocks)) if disk.f_blocks else 0,
    "secrets": tried(secrets),
    "mounts": {path: tried(mount, path) for path in sys.argv[1:]},
}))
"""


def probe(site: Site, seen: SeenBox, config: BoxConfig | None) -> list[Finding]:
    """What a look from inside finds. Raises CronboxError where it is not possible."""
    before = site.now()
    targets = _targets(config)
    said = _answer(site.engine.exec(seen.container, [*PYTHON, PROBE, *targets]))
    after = site.now()
    found = [_fifo(seen.box, said), _log(seen.box, said), *_clock(seen.box, said, before, after)]
    found += _mounts(seen.box, said)
    return [*found, *_secrets(config, said)] if config else found


def _targets(config: BoxConfig | None) -> list[str]:
    """Where the box's mounts are, as it sees them."""
    if config is None:
        return []
    scripts = ["/scripts"] if config.section.scripts else []
    return scripts + [mount.target for mount in config.section.mounts]


def _answer(result: ExecResult) -> dict[str, Any]:
    try:
        said = json.loads(result.stdout) if result.exit_code == 0 else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        words = result.stderr.decode(errors="replace").strip().splitlines()
        raise EngineError(f"no look from inside: {words[-1] if words else f'exit code {result.exit_code}'}")
    return said


def _fifo(box: str, said: dict[str, Any]) -> Finding:
    if not said["fifo"]:
        return Finding("fifo", Level.OK, "is there, and the agent reads it", box=box)
    what = f"{said['fifo']}, so no job can start"
    return Finding("fifo", Level.FAIL, what, f"`cronbox restart {box}`", box=box)


def _log(box: str, said: dict[str, Any]) -> Finding:
    """Whether the log can be written, and how much room it has."""
    used = f"the disk under /log is {said['log_used']}% full"
    if said["log"]:
        return Finding("log", Level.FAIL, f"cannot be written: {said['log']}; {used}", ROOM, box=box)
    if said["log_used"] >= DISK_FULL_PERCENT:
        return Finding("log", Level.FAIL, used, ROOM, box=box)
    return Finding("log", Level.OK, f"writable, {format_size(said['log_bytes'])}; {used}", box=box)


ROOM = "make room on the engine's host"


def _clock(box: str, said: dict[str, Any], before: datetime, after: datetime) -> Iterator[Finding]:
    """The box's clock against ours; what the look itself took is no skew."""
    inside = datetime.fromtimestamp(said["now"], UTC)
    skew = max((before - inside).total_seconds(), (inside - after).total_seconds(), 0.0)
    if skew <= SKEW_S:
        yield Finding("clock", Level.OK, f"{skew:.1f} s from ours", box=box)
    else:
        hint = "run a time service (chrony, systemd-timesyncd) on both hosts"
        yield Finding("clock", Level.WARN, f"{skew:.1f} s from ours", hint, box=box)


def _mounts(box: str, said: dict[str, Any]) -> Iterator[Finding]:
    broken = [f"{path} {what}" for path, what in said["mounts"].items() if what]
    if broken:
        hint = f"put the folder back, then `cronbox restart {box}`"
        yield Finding("mounts", Level.FAIL, "; ".join(broken), hint, box=box)
    elif said["mounts"]:
        yield Finding("mounts", Level.OK, ", ".join(said["mounts"]), box=box)


def _secrets(config: BoxConfig, said: dict[str, Any]) -> Iterator[Finding]:
    """Whether the agent holds each secret; its values stay in the box."""
    wanted = set(config.section.secrets)
    held: Sequence[str] = said["secrets"] if isinstance(said["secrets"], list) else ()
    missing = sorted(wanted.difference(held))
    if missing:
        hint = f"`cronbox up {config.name}` hands them over"
        yield Finding("delivered", Level.FAIL, f"without {', '.join(missing)}", hint, box=config.name)
    elif wanted:
        yield Finding("delivered", Level.OK, f"all {len(wanted)} secrets", box=config.name)
