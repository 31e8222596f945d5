"""Make it so: one pass turns the boxes as they are into the boxes as config.toml wants them.

A pass is safe to repeat at any time. What must wait for running jobs is left for a later pass, so a pass
never blocks on a job; `up` repeats passes until nothing is left to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, assert_never

from cronbox.config import BoxConfig
from cronbox.errors import CronboxError, EngineError, NoEngine
from cronbox.model.box import BoxSpec, SeenBox
from cronbox.model.plan import Action, Create, Drain, Remove, Replace, Start, plan
from cronbox.ops import Report, Site
from cronbox.ops.crontabs import bundle_of, read_crontabs
from cronbox.ops.inside import ask_agent, send
from cronbox.ops.install import install, remember
from cronbox.ops.release import ensure_release
from cronbox.ops.secrets import keep_secrets
from cronbox.ops.tail import read_stopped
from cronbox.ops.wanted import spec_of

DRAIN_LOOKS = 30
"""How often an agent is asked whether it drains; each look takes a tenth of a second or more."""


@dataclass(slots=True)
class Pass:
    """What one pass came to, box by box."""

    waiting: list[str] = field(default_factory=list)
    """Boxes that must go and in which jobs still run."""
    failures: dict[str, CronboxError] = field(default_factory=dict)


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
    for box in seen:
        if box.running and box.box in by_name:
            with _failing(done, site, box.box):
                keep_secrets(site, by_name[box.box], box.container)
    draining = frozenset(box.box for box in seen if _drains(site, box))
    acted = set()
    for action in plan(wanted, seen, draining=draining, unwanted=unwanted):
        name = _box_of(action)
        acted.add(name)
        with _failing(done, site, name):
            if isinstance(action, Drain) and not _drained(site, action.seen, report):
                done.waiting.append(name)
            elif (container := _execute(site, action, report)) is not None:
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


def _drains(site: Site, box: SeenBox) -> bool:
    """Whether the box starts no job any more. The store may be behind the box, so its agent is asked, too."""
    told_once = box.running and site.store.box_state(box.box).draining
    return told_once and bool(_told(site, box).get("draining", True))


def _drained(site: Site, box: SeenBox, report: Report) -> bool:
    """Have the box start nothing more -> whether nothing runs in it. A mute agent counts as empty."""
    told = _told(site, box)
    if told and not told["draining"]:
        send(site.engine, box.container, {"do": "drain"})
        told = _told_after_drain(site, box)
        if told.get("running"):
            names = ", ".join(f"{run['job']}[{run['run'][:4]}]" for run in told["running"])
            report(f"{box.box}: waits for {names} before it goes")
    return not told.get("running")


def _told_after_drain(site: Site, box: SeenBox) -> dict[str, Any]:
    """What the agent says once it has taken the command; it writes its status about once a second."""
    for _ in range(DRAIN_LOOKS):
        told = _told(site, box)
        if told.get("draining", True):
            return told
    raise EngineError(f"the agent of {box.box} does not drain it", hint="`cronbox doctor` looks closer")


def _told(site: Site, box: SeenBox) -> dict[str, Any]:
    """What the box's agent says of itself; nothing, if it does not answer."""
    try:
        return ask_agent(site.engine, box.container, "status")
    except EngineError:
        return {}


def _box_of(action: Action) -> str:
    match action:
        case Drain(then):
            return then.seen.box
        case Create(spec) | Start(spec, _) | Replace(spec, _):
            return spec.box
        case Remove(box, _):
            return box
        case _:
            assert_never(action)


def _execute(site: Site, action: Action, report: Report) -> str | None:
    """Do one action -> the container that now runs, if the action made one run."""
    match action:
        case Drain(then):
            return _execute(site, then, report)
        case Create(spec):
            return _create(site, spec, report)
        case Start(spec, seen):
            return _start(site, spec, seen, report)
        case Replace(spec, seen):
            report(f"{spec.box}: replacing")
            return _replace(site, spec, seen, report)
        case Remove(box, seen):
            stop_and_remove(site, seen)
            report(f"{box}: removed")
            return None
        case _:
            assert_never(action)


def _start(site: Site, spec: BoxSpec, seen: SeenBox, report: Report) -> str:
    """Start what stands still. What the engine cannot start is made anew: one that died while it started a
    container may keep half of it, and refuses it for ever."""
    try:
        site.engine.start(seen.container)
    except EngineError as error:
        report(f"{spec.box}: {error.message}; replacing")
        return _replace(site, spec, seen, report)
    report(f"{spec.box}: started")
    return seen.container


def _replace(site: Site, spec: BoxSpec, seen: SeenBox, report: Report) -> str:
    stop_and_remove(site, seen)
    return _create(site, spec, report)


def _create(site: Site, spec: BoxSpec, report: Report) -> str:
    container = site.engine.create(spec)
    site.engine.start(container)
    report(f"{spec.box}: started on release {spec.release}")
    return container


def stop_and_remove(site: Site, seen: SeenBox) -> None:
    """Stop the box, read its log to the end, and remove the container; its volumes stay. The log of one that
    is half removed is read in the box's next container."""
    if not seen.half_removed:
        site.engine.stop(seen.container, timeout=stop_timeout(site, seen.box))
        read_stopped(site.engine, site.store, seen.box, container=seen.container, now=site.now)
    site.engine.remove(seen.container)


def stop_timeout(site: Site, name: str) -> int:
    """Seconds an engine waits for a box: its `stop_grace` and what the agent needs to write the ends."""
    box = site.config.boxes.get(name)
    return round(box.section.stop_grace if box else 30) + 15


def _keep_installed(site: Site, box: BoxConfig, seen: SeenBox, *, always: bool, report: Report) -> None:
    """Install where the wanted bundle is not the one in the box, or somebody changed the file there."""
    state = site.store.box_state(box.name)
    crontabs = read_crontabs(site.config, box, None)
    bundle = bundle_of(box, crontabs)
    if not always and state.installed == bundle.digest and not state.drifted:
        remember(site, box, bundle, crontabs)
        return
    done = install(site, box, seen.container)
    if done.changed:
        report(f"{box.name}: crontab installed")
