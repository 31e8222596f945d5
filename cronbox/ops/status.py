"""How the boxes and their jobs are: what `ps` and `jobs` show, from engine, store and crontabs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from cronbox.config import BoxConfig
from cronbox.engine import Size
from cronbox.errors import CrontabRefused
from cronbox.model.box import SeenBox
from cronbox.model.conditions import TICK_LIMIT, Condition
from cronbox.model.event import format_time
from cronbox.model.job import Job
from cronbox.model.run import Run, Status
from cronbox.model.words import in_words
from cronbox.ops import Site
from cronbox.ops.crontabs import BoxCrontabs, bundle_of, read_crontabs
from cronbox.ops.holds import Held, held, holds_of, in_force, next_start
from cronbox.store import BoxState, Cursor, Pause

TICK_S = 60
"""A box that does nothing still writes a tick this often."""


class State(StrEnum):
    """How a box is, in one word. The worst that is true of it, but for what somebody asked for."""

    RUNNING = "running"
    DEGRADED = "degraded"
    """It runs, but cron is dead or has not loaded what it should, or what is wanted cannot be applied."""
    DRAINING = "draining"
    PAUSED = "paused"
    STOPPED = "stopped"
    MISSING = "missing"
    """It should run, and has no container."""
    ORPHAN = "orphan"
    """It has a container, and no place in the config any more."""


class Drift(StrEnum):
    """How what is installed differs from what the crontab files say."""

    DRIFTED = "drifted"
    """Somebody changed the installed file in the box."""
    REFUSED = "refused"
    """The files have errors, so what was installed before goes on."""
    PENDING = "pending"
    """The files have changed and are not installed yet."""


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """A row of `ps`. `cron`: whether crond is alive. `loaded`: whether cron itself has named the wanted
    digest within TICK_LIMIT. None where nothing is known. `failed_job` is the one of `last_failure`. `lag_s`:
    how far the store is behind the box's log, in seconds, beyond the minute in which a box may have nothing
    to say."""

    box: str
    state: State
    release: int | None
    cron: bool | None
    loaded: bool | None
    drift: Drift | None
    running: int
    queued: int
    """Runs that wait for their turn."""
    last_failure: datetime | None
    failed_job: str | None
    next_due: datetime | None
    lag_s: float | None
    problem: str | None
    paused: bool
    holds: tuple[Held, ...] = ()
    """What holds the box, or one of its jobs, back now."""
    conditions: tuple[Condition, ...] = ()
    """What is not as it should be, of the box and its jobs."""
    size: Size | None = None
    """Only where it was asked for."""

    def as_json(self) -> dict[str, Any]:
        apart = ("size", "holds", "conditions")
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in apart}
        told = {name: format_time(v) if isinstance(v, datetime) else v for name, v in fields.items()}
        told["holds"] = [hold.as_json() for hold in self.holds]
        told["conditions"] = [condition.as_json() for condition in self.conditions]
        if self.size is not None:
            told |= {"size_bytes": self.size.written, "image_bytes": self.size.image}
        return told


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A row of `jobs`. `next`: the minute of its next start, None if it has none or is held back for good."""

    job: Job
    words: str
    next: datetime | None
    last: Run | None
    held: Held | None
    queued: int
    """Runs that wait for their turn."""
    conditions: tuple[Condition, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job.key,
            "schedule": self.job.schedule.text,
            "words": self.words,
            "next": format_time(self.next) if self.next else None,
            "last": self.last.as_json() if self.last else None,
            "paused": self.held is not None,
            "held": self.held.as_json() if self.held else None,
            "queued": self.queued,
            "conditions": [condition.as_json() for condition in self.conditions],
            "user": self.job.user,
            "source": str(self.job.source),
            "description": self.job.policy.description,
        }


def box_statuses(site: Site, *, with_size: bool = False) -> list[BoxStatus]:
    """Every box of the config and every container of the project, by name. Raises NoEngine."""
    sizes = site.engine.sizes(site.project) if with_size else {}
    seen = {box.box: box for box in site.engine.boxes(site.project)}
    names = sorted({*site.config.boxes, *seen})
    return [replace(_box_status(site, name, seen.get(name)), size=sizes.get(name)) for name in names]


def job_statuses(site: Site, names: Sequence[str] = ()) -> list[JobStatus]:
    """The jobs of the named boxes, or of all, in the order of their crontabs. Asks no engine."""
    boxes = [site.config.box(name) for name in names] if names else site.config.boxes.values()
    found = []
    for box in boxes:
        last = site.store.last_runs(box.name)
        pauses = in_force(site.store.pauses(box.name), site.now())
        conditions = site.store.conditions(box.name)
        waiting = Counter(run.job for run in site.store.open_runs(box.name) if run.status is Status.QUEUED)
        for job in read_crontabs(site.config, box, None).jobs:
            found.append(
                JobStatus(
                    job=job,
                    words=in_words(job.schedule),
                    next=next_start(job, box, pauses, after=site.now()),
                    last=last.get(job.name),
                    held=held(job, box, pauses, at=site.now()),
                    queued=waiting[job.name],
                    conditions=tuple(each for each in conditions if each.job == job.name),
                )
            )
    return found


def _box_status(site: Site, name: str, seen: SeenBox | None) -> BoxStatus:
    config = site.config.boxes.get(name)
    crontabs = read_crontabs(site.config, config, None) if config else None
    view = _View(
        now=site.now(),
        seen=seen,
        state=site.store.box_state(name),
        cursor=site.store.cursor(name),
        pauses=in_force(site.store.pauses(name), site.now()),
        just_loaded=_just_loaded(site, name),
        config=config,
        crontabs=crontabs,
    )
    failure = site.store.last_failure(name)
    still_open = Counter(run.status for run in site.store.open_runs(name))
    return BoxStatus(
        box=name,
        state=view.word,
        release=seen.release if seen else None,
        cron=view.cron,
        loaded=view.loaded,
        drift=view.drift,
        running=still_open[Status.RUNNING],
        queued=still_open[Status.QUEUED],
        last_failure=(failure.finished_at or failure.at) if failure else None,
        failed_job=failure.job if failure else None,
        next_due=view.next_due,
        lag_s=view.lag_s,
        problem=view.problem,
        paused=view.paused,
        holds=tuple(holds_of(config, view.pauses, at=site.now())) if config else (),
        conditions=tuple(site.store.conditions(name)),
    )


def _just_loaded(site: Site, name: str) -> bool:
    """Whether the agent took up a table within TICK_LIMIT, so that cron may not have come to name it yet."""
    recent = site.store.incidents(name, since=site.now() - TICK_LIMIT)
    return any(incident.kind == "loaded" for incident in recent)


@dataclass(frozen=True)
class _View:
    """All that is known of one box, and what it means."""

    now: datetime
    seen: SeenBox | None
    state: BoxState
    cursor: Cursor | None
    pauses: Sequence[Pause]
    just_loaded: bool
    config: BoxConfig | None
    crontabs: BoxCrontabs | None

    @property
    def word(self) -> State:
        if self.seen is None:
            return State.MISSING if self.state.wanted else State.STOPPED
        if self.config is None:
            return State.ORPHAN
        if self.seen.frozen:
            return State.PAUSED
        if not self.seen.running:
            return State.STOPPED
        if self.state.draining:
            return State.DRAINING
        if self.problem:
            return State.DEGRADED
        return State.PAUSED if self.paused else State.RUNNING

    @property
    def _runs(self) -> bool:
        return self.seen is not None and self.seen.running

    @property
    def cron(self) -> bool | None:
        return self.state.cron_alive if self._runs and self.cursor else None

    @cached_property
    def wanted_digest(self) -> str | None:
        """Of what the files say; of what was installed before where they have errors."""
        if self.config is None or self.crontabs is None:
            return None
        try:
            return bundle_of(self.config, self.crontabs).digest
        except CrontabRefused:
            return self.state.installed

    @property
    def loaded(self) -> bool | None:
        if not self._runs or self.cursor is None:
            return None
        tick = self.state.tick_at
        if tick is not None and self.now - tick < TICK_LIMIT and self.state.tick == self.wanted_digest:
            return True
        return None if self.just_loaded else False

    @property
    def drift(self) -> Drift | None:
        if self.state.drifted:
            return Drift.DRIFTED
        if self.crontabs is not None and self.crontabs.errors:
            return Drift.REFUSED
        if self._runs and self.wanted_digest != self.state.installed:
            return Drift.PENDING
        return None

    @property
    def problem(self) -> str | None:
        """The first thing that a person should look at, in one line."""
        if self.state.problem:
            what, *problems = self.state.problem.splitlines()
            return f"{what}: {'; '.join(problems)}" if problems else what
        if self.crontabs is not None and self.crontabs.errors:
            return str(self.crontabs.errors[0])
        if self.state.drift and self._runs:
            return self.state.drift
        if self.cron is False and not self.just_loaded:
            return "cron is dead in the box"
        if self.loaded is False and self.drift is None:
            return "cron has not proved for 90 s that it lives and has loaded the crontab"
        return None

    @property
    def paused(self) -> bool:
        return any(pause.job is None for pause in self.pauses)

    @property
    def next_due(self) -> datetime | None:
        if not self._runs or self.config is None or self.crontabs is None:
            return None
        starts = [next_start(job, self.config, self.pauses, after=self.now) for job in self.crontabs.jobs]
        return min((start for start in starts if start), default=None)

    @property
    def lag_s(self) -> float | None:
        if not self._runs or self.cursor is None or self.cursor.last_event_at is None:
            return None
        return round(max(0.0, (self.now - self.cursor.last_event_at).total_seconds() - TICK_S), 1)
