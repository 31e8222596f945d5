"""Look everything over, from the engine to the last box, and say of each thing whether it is well."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cronbox.config import BoxConfig
from cronbox.engine import EngineInfo
from cronbox.errors import CronboxError
from cronbox.model.box import SeenBox
from cronbox.model.conditions import TICK_LIMIT, Kind
from cronbox.model.durations import format_duration, format_size
from cronbox.model.event import format_time, parse_time
from cronbox.ops import Site
from cronbox.ops.crontabs import read_crontabs
from cronbox.ops.inside import ask_agent
from cronbox.ops.lease import who_leads
from cronbox.ops.secrets import find
from cronbox.ops.status import BoxStatus, State, box_statuses
from cronbox.ops.wanted import recipe_of

SKEW_S = 2.0
LOW_DISK = 1 << 30
LAG_S = 30.0
DISK_FULL_PERCENT = 95


HINTS = {
    Kind.BOX_DOWN: "`cronbox up` starts it; `docker logs` tells why it ended",
    Kind.CRON_DEAD: "`cronbox restart`",
    Kind.NO_TICK: "`cronbox restart`; was the host asleep, or its clock moved?",
    Kind.CRONTAB_NOT_LOADED: "`cronbox sync`, then `cronbox restart`",
    Kind.INGEST_LAGGING: "is the daemon running, and does the engine answer?",
    Kind.CLOCK_SKEW: "run a time service (chrony, systemd-timesyncd) on both hosts",
    Kind.MISSED: "`cronbox runs --status missed` has the reasons; `cronbox backfill` makes up for it",
    Kind.LATE: "is the box overloaded, or `max_running` too low?",
    Kind.OVERRUN: "`cronbox logs` shows what it does, `cronbox kill` ends it",
    Kind.UNUSUALLY_LONG: "`cronbox logs` shows what it does, `cronbox kill` ends it",
}


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, and will not for ever or not for all."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to. `hint` says what to do; `box` is None for what concerns the whole project."""

    check: str
    level: Level
    message: str
    hint: str = ""
    box: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(site: Site) -> list[Finding]:
    """Every finding, the general ones first. A part that cannot be examined is a finding, not an error."""
    findings = [*_disk(site), *_store(site), *_daemon(site), *_config(site)]
    try:
        info = site.engine.info()
        boxes = {box.box: box for box in site.engine.boxes(site.project)}
    except CronboxError as error:
        return [
            Finding("engine", Level.FAIL, error.message, error.hint or "start Docker, or set docker_url"),
            *findings,
        ]
    findings = [*_engine(info), *_clock(info, site.now()), *findings]
    statuses = {status.box: status for status in _statuses(site, findings)}
    for name in sorted({*site.config.boxes, *boxes}):
        findings += _box(site, name, boxes.get(name), statuses.get(name))
    return findings


def _engine(info: EngineInfo) -> Iterator[Finding]:
    facts = f"{info.os}, version {info.version}, {info.cpus} CPUs, {format_size(info.memory)}"
    yield Finding("engine", Level.OK, facts)


def _clock(info: EngineInfo, now: datetime) -> Iterator[Finding]:
    if info.now is None:
        return
    skew = (info.now - now).total_seconds()
    if abs(skew) <= SKEW_S:
        yield Finding("clock", Level.OK, f"the engine's clock is {abs(skew):.1f} s from ours")
        return
    way = "ahead of" if skew > 0 else "behind"
    hint = "run a time service (chrony, systemd-timesyncd) on both hosts"
    yield Finding("clock", Level.WARN, f"the engine's clock is {abs(skew):.1f} s {way} ours", hint)


def _disk(site: Site) -> Iterator[Finding]:
    folder = site.config.state_dir
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if free < LOW_DISK:
        yield Finding(
            "disk", Level.WARN, f"{format_size(free)} free at {folder}", "make room, or move state_dir"
        )
    else:
        yield Finding("disk", Level.OK, f"{format_size(free)} free at {folder}")


def _store(site: Site) -> Iterator[Finding]:
    try:
        site.store.check()
    except CronboxError as error:
        yield Finding("store", Level.FAIL, error.message, error.hint)
    else:
        yield Finding("store", Level.OK, f"whole, schema {site.store.revision()}")


def _daemon(site: Site) -> Iterator[Finding]:
    try:
        leader = who_leads(site)
    except CronboxError as error:
        yield Finding("daemon", Level.WARN, f"not known: {error.message}", error.hint)
        return
    if leader:
        yield Finding("daemon", Level.OK, leader)
    else:
        hint = (
            "start `cronbox daemon`; jobs run without it, but nothing keeps boxes right or closes dead runs"
        )
        yield Finding("daemon", Level.WARN, "no daemon runs for this project", hint)


def _config(site: Site) -> Iterator[Finding]:
    """The crontabs of every box, without what only its image knows, and where its secrets come from."""
    for name, box in site.config.boxes.items():
        if box.section.secrets:
            yield _secrets(box)
        errors = read_crontabs(site.config, box, None).errors
        if errors:
            count = f"{len(errors)} errors, the first: " if len(errors) > 1 else ""
            yield Finding(
                "crontab", Level.FAIL, f"{count}{errors[0]}", f"`cronbox check crontabs/{name}`", box=name
            )


def _secrets(box: BoxConfig) -> Finding:
    """Whether this process can have them; the daemon's rights and environment may be others."""
    problems = find(box, {}).problems
    if problems:
        return Finding("secrets", Level.FAIL, "; ".join(problems), "docs/secrets.md", box=box.name)
    return Finding("secrets", Level.OK, f"all {len(box.section.secrets)} can be had", box=box.name)


def _statuses(site: Site, findings: list[Finding]) -> list[BoxStatus]:
    """What the store knows of the boxes; nothing where the store itself is broken."""
    if any(finding.check == "store" and finding.level is Level.FAIL for finding in findings):
        return []
    return box_statuses(site)


def _box(site: Site, name: str, seen: SeenBox | None, status: BoxStatus | None) -> Iterator[Finding]:
    config = site.config.boxes.get(name)
    if config is not None:
        yield _image(site, config, seen)
    yield _container(name, seen, status, known=config is not None)
    if status is not None:
        yield from _conditions(status)
    if seen is None or not seen.running:
        return
    yield from _guarded("agent", name, lambda: _agent(site, seen))
    yield from _guarded("fifo", name, lambda: _fifo(site, seen))
    yield from _guarded("log", name, lambda: _log(site, seen))
    yield from _guarded("installed", name, lambda: _installed(site, seen))
    if status is not None:
        yield from _told(status)


def _guarded(check: str, box: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    """What a look into the box came to; one that is not possible has failed."""
    try:
        yield look()
    except CronboxError as error:
        yield Finding(check, Level.FAIL, error.message, error.hint, box=box)


def _image(site: Site, box: BoxConfig, seen: SeenBox | None) -> Finding:
    digest = recipe_of(site.config, box).digest
    releases = site.engine.images(site.project, box.name)
    current = next((image for image in releases if image.recipe == digest), None)
    hint = f"`cronbox up {box.name}` builds it"
    if current is None:
        what = "no image yet" if not releases else "the image is older than the config"
        return Finding("image", Level.WARN, what, hint, box=box.name)
    if seen is not None and seen.image != current.id:
        return Finding(
            "image",
            Level.WARN,
            f"release {current.release} is built, {seen.release} runs",
            hint,
            box=box.name,
        )
    return Finding("image", Level.OK, f"release {current.release}, {format_size(current.size)}", box=box.name)


def _container(name: str, seen: SeenBox | None, status: BoxStatus | None, *, known: bool) -> Finding:
    """Whether the container is there and runs, as somebody wants it."""
    up = f"`cronbox up {name}` starts it"
    if seen is None:
        if status is not None and status.state is State.STOPPED:
            return Finding("box", Level.OK, "put down with `cronbox down`", box=name)
        return Finding("box", Level.FAIL, "has no container", up, box=name)
    if not known:
        return Finding("box", Level.WARN, "is in no config any more", "`cronbox up` removes it", box=name)
    if not seen.running:
        memory = ", it ran out of memory" if seen.oom_killed else ""
        return Finding(
            "box", Level.FAIL, f"{seen.state} with exit code {seen.exit_code}{memory}", up, box=name
        )
    since = f" since {format_time(parse_time(seen.started_at))}" if seen.started_at else ""
    return Finding("box", Level.OK, f"runs{since}", box=name)


def _agent(site: Site, seen: SeenBox) -> Finding:
    ask_agent(site.engine, seen.container, "status")
    return Finding("agent", Level.OK, "answers", box=seen.box)


def _fifo(site: Site, seen: SeenBox) -> Finding:
    there = site.engine.exec(seen.container, ["test", "-p", "/run/cronbox/trigger"]).exit_code == 0
    if there:
        return Finding("fifo", Level.OK, "is there", box=seen.box)
    return Finding(
        "fifo", Level.FAIL, "is gone, so no job can start", f"`cronbox restart {seen.box}`", box=seen.box
    )


def _log(site: Site, seen: SeenBox) -> Finding:
    """How full the disk under the box's log is."""
    said = site.engine.exec(seen.container, ["df", "--output=pcent", "/log"]).stdout.decode(errors="replace")
    digits = "".join(char for char in said if char.isdigit())
    if digits and int(digits) >= DISK_FULL_PERCENT:
        return Finding(
            "log",
            Level.FAIL,
            f"the disk under /log is {digits}% full",
            "make room on the engine's host",
            box=seen.box,
        )
    return Finding("log", Level.OK, f"the disk under /log is {digits or '?'}% full", box=seen.box)


def _installed(site: Site, seen: SeenBox) -> Finding:
    answer = ask_agent(site.engine, seen.container, "installed")
    if answer.get("intact"):
        return Finding(
            "installed", Level.OK, f"crontab {answer.get('digest')} is as it was installed", box=seen.box
        )
    reason = str(answer.get("reason") or "nothing is installed")
    return Finding(
        "installed", Level.FAIL, reason, f"`cronbox sync {seen.box}` installs it again", box=seen.box
    )


def _told(status: BoxStatus) -> Iterator[Finding]:
    """What the box's own log says of cron, and how far it has been read."""
    sync, restart = f"`cronbox sync {status.box}`", f"`cronbox restart {status.box}`"
    if status.cron is False:
        yield Finding("crond", Level.FAIL, "is dead", restart, box=status.box)
    elif status.cron:
        yield Finding("crond", Level.OK, "is alive", box=status.box)
    if status.loaded is False:
        what = f"none with the wanted crontab for {format_duration(TICK_LIMIT.total_seconds())}"
        yield Finding("tick", Level.FAIL, what, f"{sync}, then {restart}", box=status.box)
    elif status.loaded:
        yield Finding("tick", Level.OK, "cron has loaded the wanted crontab", box=status.box)
    if status.lag_s is not None and status.lag_s > LAG_S:
        what = f"the store is {status.lag_s:.0f} s behind the box's log"
        yield Finding(
            "lag", Level.WARN, what, "is the daemon running, and does the engine answer?", box=status.box
        )
    elif status.lag_s is not None:
        yield Finding("lag", Level.OK, "the store has all that the box has logged", box=status.box)


def _conditions(status: BoxStatus) -> Iterator[Finding]:
    """What the watch has open, in its own words."""
    for condition in status.conditions:
        what = f"{condition.target}: {condition.kind} since {format_time(condition.since)}: {condition.text}"
        yield Finding("condition", Level.WARN, what, HINTS[condition.kind], box=status.box)
