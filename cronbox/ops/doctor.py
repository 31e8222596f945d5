"""Look everything over, from the engine to the last box, and say of each thing whether it is well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cronbox.config import BoxConfig
from cronbox.engine import EngineInfo
from cronbox.errors import CronboxError
from cronbox.model.box import SeenBox
from cronbox.model.conditions import TICK_LIMIT, Kind
from cronbox.model.durations import format_duration, format_size
from cronbox.model.event import format_time, parse_time
from cronbox.ops import Site
from cronbox.ops.crontabs import read_crontabs
from cronbox.ops.facts import engine_is_here
from cronbox.ops.finding import Finding, Level, guarded, in_time
from cronbox.ops.inside import ask_agent
from cronbox.ops.lease import who_leads
from cronbox.ops.page import page_findings
from cronbox.ops.probe import SKEW_S, probe
from cronbox.ops.secrets import COMMAND_TIMEOUT_S, find
from cronbox.ops.status import BoxStatus, State, box_statuses
from cronbox.ops.wanted import recipe_of, spec_of

LOW_DISK = 1 << 30
LAG_S = 30.0
STORE_PATIENCE_S = 120.0
"""A large database takes its time to be looked over."""

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


def examine(site: Site) -> list[Finding]:
    """Every finding, the general ones first. A part that cannot be examined is a finding, not an error, and
    one that hangs is left behind."""
    findings = [
        *guarded("disk", lambda: [_disk("state_dir", site.config.state_dir)]),
        *guarded("store", lambda: _store(site), patience=STORE_PATIENCE_S),
        *guarded("daemon", lambda: list(_daemon(site))),
        *guarded("web", lambda: page_findings(site, daemon_runs=who_leads(site) is not None)),
    ]
    for box in site.config.boxes.values():
        findings += _config(site, box)
    try:
        info, boxes = in_time(lambda: (site.engine.info(), site.engine.boxes(site.project)))
    except CronboxError as error:
        return [
            Finding("engine", Level.FAIL, error.message, error.hint or "start Docker, or set docker_url"),
            *findings,
        ]
    findings = [*_engine(info), *_root(site, info), *_clock(info, site.now()), *findings]
    return findings + _boxes(site, {box.box: box for box in boxes}, findings)


def _boxes(site: Site, seen: dict[str, SeenBox], findings: list[Finding]) -> list[Finding]:
    statuses: dict[str, BoxStatus] = {}
    found: list[Finding] = []
    if not any(finding.check == "store" and finding.level is Level.FAIL for finding in findings):
        try:
            statuses = {status.box: status for status in in_time(lambda: box_statuses(site))}
        except CronboxError as error:
            found.append(Finding("status", Level.FAIL, error.message, error.hint))
    for name in sorted({*site.config.boxes, *seen}):
        found += _box(site, name, seen.get(name), statuses.get(name))
    return found


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


def _root(site: Site, info: EngineInfo) -> list[Finding]:
    """The disk where the engine keeps images and volumes, if it is one of this host's."""
    root = Path(info.root) if info.root else None
    if root is None or not engine_is_here(site.config) or not root.is_dir():
        return []
    return guarded("disk", lambda: [_disk("the engine's data", root)])


def _disk(what: str, folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if free >= LOW_DISK:
        return Finding("disk", Level.OK, f"{format_size(free)} free for {what} at {folder}")
    hint = "make room, or move state_dir" if what == "state_dir" else "`cronbox prune`, `docker system df`"
    return Finding("disk", Level.WARN, f"{format_size(free)} free for {what} at {folder}", hint)


def _store(site: Site) -> list[Finding]:
    site.store.check(quick=True)
    output = format_size(site.store.output_bytes())
    return [Finding("store", Level.OK, f"whole, schema {site.store.revision()}, {output} of output")]


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


def _config(site: Site, box: BoxConfig) -> list[Finding]:
    """Its crontabs, without what only its image knows, and where its secrets come from."""
    commands = sum(secret.command is not None for secret in box.section.secrets.values())
    found = (
        guarded("secrets", lambda: [_secrets(box)], box=box.name, patience=5 + commands * COMMAND_TIMEOUT_S)
        if box.section.secrets
        else []
    )
    errors = read_crontabs(site.config, box, None).errors
    if errors:
        count = f"{len(errors)} errors, the first: " if len(errors) > 1 else ""
        hint = f"`cronbox check crontabs/{box.name}`"
        found.append(Finding("crontab", Level.FAIL, f"{count}{errors[0]}", hint, box=box.name))
    return found


def _secrets(box: BoxConfig) -> Finding:
    """Whether this process can have them; the daemon's rights and environment may be others."""
    problems = find(box, {}).problems
    if problems:
        return Finding("secrets", Level.FAIL, "; ".join(problems), "docs/secrets.md", box=box.name)
    return Finding("secrets", Level.OK, f"all {len(box.section.secrets)} can be had", box=box.name)


def _box(site: Site, name: str, seen: SeenBox | None, status: BoxStatus | None) -> list[Finding]:
    config = site.config.boxes.get(name)
    found: list[Finding] = []
    if config is not None:
        found += guarded("image", lambda: _image(site, config, seen), box=name)
    found.append(_container(name, seen, status, known=config is not None))
    if status is not None:
        found += _conditions(status)
    if seen is None or not seen.running:
        return found
    found += guarded("agent", lambda: [_agent(site, seen)], box=name)
    found += guarded("inside", lambda: probe(site, seen, config), box=name)
    found += guarded("installed", lambda: [_installed(site, seen)], box=name)
    return [*found, *(_told(status) if status is not None else ())]


def _image(site: Site, box: BoxConfig, seen: SeenBox | None) -> list[Finding]:
    """Whether there is an image of the present recipe, and the container is what config.toml makes of it."""
    digest = recipe_of(site.config, box).digest
    releases = site.engine.images(site.project, box.name)
    current = next((image for image in releases if image.recipe == digest), None)
    hint = f"`cronbox up {box.name}` "
    if current is None:
        what = "no image yet" if not releases else "the image is older than the config"
        return [Finding("image", Level.WARN, what, f"{hint}builds it", box=box.name)]
    if seen is not None and seen.image != current.id:
        what = f"release {current.release} is built, {seen.release} runs"
        return [Finding("image", Level.WARN, what, f"{hint}takes it", box=box.name)]
    size = f"release {current.release}, {format_size(current.size)}"
    found = [Finding("image", Level.OK, size, box=box.name)]
    if seen is not None and seen.digest != spec_of(site.config, box, current).digest:
        what = "the container is not as config.toml wants it"
        found.append(Finding("wanted", Level.WARN, what, f"{hint}replaces it", box=box.name))
    elif seen is not None:
        found.append(Finding("wanted", Level.OK, "the container is as config.toml wants it", box=box.name))
    return found


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
    """Whether it answers, and whether what it has to say reaches its log."""
    status = ask_agent(site.engine, seen.container, "status")
    if failure := status.get("log_failure"):
        hint = "make room on the engine's host; until then the agent keeps in memory what it can"
        return Finding("agent", Level.FAIL, f"cannot write its log: {failure}", hint, box=seen.box)
    return Finding("agent", Level.OK, "answers", box=seen.box)


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
