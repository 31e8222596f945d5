"""Make it so: one pass turns the boxes as they are into the boxes as config.toml wants them.

A pass is safe to repeat at any time. What must wait for running jobs is left for a later pass, so a pass
never blocks on a job; `up` repeats passes until nothing is left to wait for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, assert_never

import structlog

from cronbox.config import BoxConfig
from cronbox.engine import AGENT
from cronbox.errors import CronboxError, EngineError, NoEngine
from cronbox.model.box import BoxSpec, SeenBox
from cronbox.model.plan import Action, Create, Drain, Remove, Replace, Start, plan
from cronbox.ops import Site
from cronbox.ops.crontabs import bundle_of, facts_of, read_crontabs
from cronbox.ops.release import ensure_release
from cronbox.ops.tail import read_stopped
from cronbox.ops.wanted import spec_of

Report = Callable[[str], None]
"""Receives one readable line for each thing done."""

DRAIN_POLL_S = 0.5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Installed:
    """What an install came to: the bundle's digest, and whether the box had another one before."""

    box: str
    digest: str
    changed: bool


@dataclass(slots=True)
class Pass:
    """What one pass came to, box by box."""

    waiting: list[str] = field(default_factory=list)
    """Boxes that must go and in which jobs still run."""
    failures: dict[str, CronboxError] = field(default_factory=dict)


def up(site: Site, names: Sequence[str], report: Report) -> None:
    """Bring the named boxes, or all, to what config.toml wants; with no name, also remove boxes that are in
    no config any more. Waits for running jobs before it replaces their box. Raises the first failure after
    everything that could be done is done."""
    boxes = chosen(site, names)
    for box in boxes:
        site.store.set_wanted(box.name, True)
    unwanted = frozenset() if names else orphans(site)
    done = _settle(site, boxes, unwanted, report)
    _raise(list(done.failures.values()), report)


def down(site: Site, names: Sequence[str], report: Report, *, volumes: bool = False) -> None:
    """Stop and remove the named boxes, or all of the project, after their running jobs have had `stop_grace`.

    Their logs are read to the end first. Their volumes stay unless `volumes`.
    """
    boxes = {box.box: box for box in site.engine.boxes(site.project)}
    for name in names or sorted({*boxes, *site.config.boxes}):
        if name not in boxes:
            site.config.box(name)
        site.store.set_wanted(name, False)
        if name in boxes:
            report(f"{name}: stopping")
            _stop_and_remove(site, boxes[name])
            report(f"{name}: removed")
        if volumes:
            site.engine.remove_volumes(site.project, name)


def restart(site: Site, names: Sequence[str], report: Report) -> None:
    """Stop the named boxes, or all, giving running jobs `stop_grace`, and start them again."""
    boxes = {box.name for box in chosen(site, names)}
    for seen in site.engine.boxes(site.project):
        if seen.box in boxes:
            report(f"{seen.box}: restarting")
            site.engine.stop(seen.container, timeout=_stop_timeout(site, seen.box))
    up(site, names, report)


def sync(site: Site, names: Sequence[str], report: Report) -> list[Installed]:
    """Install the crontabs of the named boxes, or all, without touching their containers. Raises the first
    failure after every box has been tried."""
    seen = {box.box: box for box in site.engine.boxes(site.project)}
    installed: list[Installed] = []
    failures: list[CronboxError] = []
    for box in chosen(site, names):
        try:
            if box.name not in seen:
                raise EngineError(f"{box.name} has no container", hint=f"`cronbox up {box.name}` makes it")
            installed.append(install(site, box, seen[box.name].container))
            report(f"{box.name}: {'installed' if installed[-1].changed else 'up to date'}")
        except CronboxError as error:
            failures.append(error)
    _raise(failures, report)
    return installed


def _raise(failures: Sequence[CronboxError], report: Report) -> None:
    """Raise the first failure, if there is one, after the others are told."""
    for other in failures[1:]:
        report(other.in_full())
    if failures:
        raise failures[0]


def chosen(site: Site, names: Sequence[str]) -> list[BoxConfig]:
    """The boxes of these names, or all. Raises NotFound."""
    return [site.config.box(name) for name in names] if names else list(site.config.boxes.values())


def orphans(site: Site) -> frozenset[str]:
    """Boxes that have a container, and no place in the config any more."""
    return frozenset(box.box for box in site.engine.boxes(site.project)) - site.config.boxes.keys()


def _settle(site: Site, boxes: Sequence[BoxConfig], unwanted: frozenset[str], report: Report) -> Pass:
    """Passes until no box waits for its jobs any more. Failures of all passes are kept."""
    done = reconcile(site, boxes, report, unwanted=unwanted, always_install=True)
    failures = done.failures
    while done.waiting:
        time.sleep(DRAIN_POLL_S)
        left = [box for box in boxes if box.name in done.waiting]
        done = reconcile(site, left, report, unwanted=unwanted & frozenset(done.waiting), always_install=True)
        failures.update(done.failures)
    return Pass(failures=failures)


def reconcile(
    site: Site,
    boxes: Iterable[BoxConfig],
    report: Report,
    *,
    unwanted: frozenset[str] = frozenset(),
    always_install: bool = False,
) -> Pass:
    """One pass over the boxes. A box that fails keeps what it had and stops no other."""
    done = Pass()
    wanted: dict[str, BoxSpec] = {}
    by_name = {box.name: box for box in boxes}
    for config in by_name.values():
        with _failing(done, site, config.name):
            wanted[config.name] = _wanted(site, config, report)
    seen = site.engine.boxes(site.project)
    told = {box.box: _told(site, box) for box in seen if _may_have_to_go(site, box, wanted, unwanted)}
    draining = frozenset(name for name, status in told.items() if status.get("draining"))
    busy = frozenset(name for name, status in told.items() if status.get("running"))
    acted = set()
    for action in plan(wanted, seen, busy=busy, draining=draining, unwanted=unwanted):
        name = _box_of(action)
        with _failing(done, site, name):
            acted.add(name)
            container = execute(site, action, report)
            if isinstance(action, Drain):
                done.waiting.append(name)
            elif container is not None:
                install(site, by_name[name], container)
    for box in seen:
        if box.running and box.box in wanted.keys() - acted:
            with _failing(done, site, box.box):
                _keep_installed(site, by_name[box.box], box, always=always_install, report=report)
    _clear_problems(site, by_name.keys() - done.failures.keys())
    return done


@contextmanager
def _failing(done: Pass, site: Site, box: str) -> Iterator[None]:
    """Collects an error as the box's failure, shows it in `ps`, and lets the next box have its turn.

    NoEngine goes on: without an engine no box has a turn.
    """
    try:
        yield
    except NoEngine:
        raise
    except CronboxError as error:
        done.failures[box] = error
        site.store.set_problem(box, error.in_full())


def _clear_problems(site: Site, boxes: Iterable[str]) -> None:
    """These boxes are as they should be, so what was wrong with them before is over."""
    for name in boxes:
        if site.store.box_state(name).problem is not None:
            site.store.set_problem(name, None)


def _wanted(site: Site, box: BoxConfig, report: Report) -> BoxSpec:
    """The spec the box should have; its crontabs are checked first, so that a bad one builds nothing."""
    bundle_of(box, read_crontabs(site.config, box, None))
    image = ensure_release(site, box, lambda line: report(f"{box.name}: {line}"))
    return spec_of(site.config, box, image)


def _may_have_to_go(site: Site, box: SeenBox, wanted: dict[str, BoxSpec], unwanted: frozenset[str]) -> bool:
    """Whether the agent must be asked before the box is left alone. The store may be behind the box, so what
    it says of draining is only a reason to ask."""
    differs = box.box in wanted and wanted[box.box].digest != box.digest
    return box.running and (differs or box.box in unwanted or site.store.box_state(box.box).draining)


def _told(site: Site, box: SeenBox) -> dict[str, Any]:
    """What the box's agent says of itself: nothing, if it does not answer, so that the box can be replaced."""
    status = site.engine.exec(box.container, [*AGENT, "status"])
    told = json.loads(status.stdout) if status.exit_code == 0 else {}
    return told if isinstance(told, dict) else {}


def _box_of(action: Action) -> str:
    return action.box if isinstance(action, Drain | Remove) else action.spec.box


def execute(site: Site, action: Action, report: Report) -> str | None:
    """Do one action -> the container that now runs, if the action made one run."""
    match action:
        case Create(spec):
            return _create(site, spec, report)
        case Start(spec, seen):
            site.engine.start(seen.container)
            report(f"{spec.box}: started")
            return seen.container
        case Drain(box, seen):
            report(f"{box}: waiting for its running jobs before it is replaced")
            send(site, seen.container, {"do": "drain"})
            return None
        case Replace(spec, seen):
            report(f"{spec.box}: replacing")
            _stop_and_remove(site, seen)
            return _create(site, spec, report)
        case Remove(box, seen):
            _stop_and_remove(site, seen)
            report(f"{box}: removed")
            return None
        case _:
            assert_never(action)


def _create(site: Site, spec: BoxSpec, report: Report) -> str:
    container = site.engine.create(spec)
    site.engine.start(container)
    report(f"{spec.box}: started on release {spec.release}")
    return container


def _stop_and_remove(site: Site, seen: SeenBox) -> None:
    site.engine.stop(seen.container, timeout=_stop_timeout(site, seen.box))
    read_stopped(site.engine, site.store, seen.box, container=seen.container, now=site.now)
    site.engine.remove(seen.container)


def _stop_timeout(site: Site, name: str) -> int:
    """Seconds an engine waits for a box: its `stop_grace` and what the agent needs to write the ends."""
    box = site.config.boxes.get(name)
    return round(box.section.stop_grace if box else 30) + 15


def send(site: Site, container: str, command: dict[str, object]) -> None:
    """Hand one command to the box's agent. Raises EngineError with the agent's words."""
    sent = site.engine.exec(container, [*AGENT, "send"], stdin=json.dumps(command).encode())
    if sent.exit_code != 0:
        raise EngineError(f"the agent took no command: {sent.stderr.decode(errors='replace').strip()}")


def install(site: Site, box: BoxConfig, container: str) -> Installed:
    """Install the box's crontabs as one bundle, verified in the box. Raises CrontabRefused, and then what is
    installed goes on."""
    crontabs = read_crontabs(site.config, box, facts_of(site.engine, container))
    bundle = bundle_of(box, crontabs)
    result = site.engine.exec(container, [*AGENT, "install"], stdin=bundle.to_json())
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()
        raise EngineError(f"{box.name}: the crontab could not be installed: {said}")
    site.store.set_installed(box.name, bundle.digest)
    changed = bool(json.loads(result.stdout)["changed"])
    if changed:
        log.info("crontab_installed", box=box.name, digest=bundle.digest, jobs=len(crontabs.jobs))
    return Installed(box.name, bundle.digest, changed)


def _keep_installed(site: Site, box: BoxConfig, seen: SeenBox, *, always: bool, report: Report) -> None:
    """Install where the wanted bundle is not the one in the box, or somebody changed the file there."""
    state = site.store.box_state(box.name)
    bundle = bundle_of(box, read_crontabs(site.config, box, None))
    if not always and state.installed == bundle.digest and not state.drifted:
        return
    done = install(site, box, seen.container)
    if done.changed:
        report(f"{box.name}: crontab installed")
