"""The targets of config.toml: their addresses, which stay here, and their rules, which go to the database."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from cronbox.config import BoxConfig, Config, NotifySection, PingSection
from cronbox.errors import NotSent
from cronbox.model.alert import Rule
from cronbox.model.crontab import parse_crontab
from cronbox.model.job import Job
from cronbox.model.jobs import jobs_of
from cronbox.model.quiet import Quiet
from cronbox.ops import Site
from cronbox.ops.files import crontab_paths
from cronbox.store import targets

UTC = ZoneInfo("UTC")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to send to, and with what restraint. A `url` holds passwords: it is read when something is sent,
    and shown nowhere."""

    name: str
    pings: bool
    config: Config = field(repr=False)
    section: NotifySection | PingSection = field(repr=False)
    quiet: Quiet | None = None
    digest: bool = False
    daily_cap: int | None = None
    zone: ZoneInfo = UTC

    @property
    def gathers(self) -> bool:
        """Whether several go into one message."""
        return self.digest or self.quiet is not None

    def quiet_until(self, at: datetime) -> datetime | None:
        return self.quiet.until(at) if self.quiet else None

    def url(self) -> str:
        """The address. Raises NotSent where it cannot be had."""
        match self.section:
            case NotifySection(url=str() as url) | PingSection(url=str() as url):
                return url
            case NotifySection(url_env=str() as variable) | PingSection(url_env=str() as variable):
                if not (found := os.environ.get(variable, "").strip()):
                    raise NotSent(f"no variable {variable} in cronbox's own environment")
                return found
            case _:
                return self._from_file(self.section.url_file or "")

    def _from_file(self, relative: str) -> str:
        path = (self.config.root / relative).expanduser()
        try:
            found = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise NotSent(f"cannot read {path}") from None
        if not found:
            raise NotSent(f"{path} is empty")
        return found


def targets_of(config: Config) -> dict[str, Target]:
    """Every target by its name."""
    return {name: _target(name, section, config) for name, section in config.file.targets.items()}


def _target(name: str, section: NotifySection | PingSection, config: Config) -> Target:
    match section:
        case NotifySection():
            return Target(
                name=name,
                pings=False,
                config=config,
                section=section,
                quiet=section.quiet_hours(),
                digest=section.digest > 0,
                daily_cap=section.daily_cap,
                zone=ZoneInfo(section.zone),
            )
        case PingSection():
            return Target(name, True, config, section)


def keep_rules(site: Site) -> None:
    """Have the database know what config.toml and the crontabs say of who is told what."""
    chosen = _chosen(site.config) if site.config.file.targets else {}
    wanted = list(_rules(site.config, chosen))
    if sorted(wanted, key=lambda rule: rule.name) != site.store.rules():
        with site.store.transaction() as tx:
            targets.keep(tx, wanted)
        for job, names in chosen.items():
            for name in sorted({*names} - {*site.config.file.targets}):
                log.warning("notify_target_unknown", job=job, target=name)


def _rules(config: Config, chosen: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    """A job that names only targets that there are not is told to those whose `jobs` it is among: better to
    somebody than to nobody."""
    known = {*config.file.targets}
    chosen = {job: names for job, names in chosen.items() if not names or known.intersection(names)}
    for name, section in config.file.targets.items():
        match section:
            case NotifySection():
                yield Rule(
                    name,
                    when=frozenset(section.when),
                    after=section.after,
                    jobs=tuple(section.jobs),
                    digest=section.digest,
                    named=frozenset(key for key, names in chosen.items() if name in names),
                    silent=frozenset(key for key, names in chosen.items() if name not in names),
                )
            case PingSection():
                # `notify=` is about people; whoever pings has asked for these jobs.
                yield Rule(name, pings=True, jobs=tuple(section.jobs))


def _chosen(config: Config) -> dict[str, tuple[str, ...]]:
    """`BOX/JOB` -> the targets of its `notify=`, for jobs that have one."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for box in config.boxes.values():
        for job in _jobs(config, box):
            if job.policy.notify is not None:
                found[job.key] = job.policy.notify
    return found


def _jobs(config: Config, box: BoxConfig) -> tuple[Job, ...]:
    """The box's jobs, if any of them may have a `notify=`: most have none, and this is asked often."""
    try:
        raws = {path: path.read_bytes() for path in crontab_paths(box)}
    except OSError:
        return ()  # what reads them to install them tells of it
    if box.policy.notify is None and not any(b"notify" in raw for raw in raws.values()):
        return ()
    files = [parse_crontab(raw, file=str(path.relative_to(config.root))) for path, raw in raws.items()]
    return tuple(jobs_of(files, box=box.name, defaults=box.policy))
