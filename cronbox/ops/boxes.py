"""What a person asks for with boxes: up, down, restart, sync."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cronbox.config import BoxConfig
from cronbox.errors import CronboxError, EngineError
from cronbox.ops import Report, Site
from cronbox.ops.install import Installed, install
from cronbox.ops.reconcile import Pass, reconcile, stop_and_remove, stop_timeout

DRAIN_POLL_S = 0.5


def up(site: Site, names: Sequence[str], report: Report) -> None:
    """Bring the named boxes, or all, to what config.toml wants; with no name, also remove boxes that are in
    no config any more. Waits for running jobs before it replaces their box. Raises the first failure after
    everything that could be done is done."""
    boxes = chosen(site, names)
    for box in boxes:
        site.store.set_wanted(box.name, True, at=site.now())
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
        site.store.set_wanted(name, False, at=site.now())
        if name in boxes:
            report(f"{name}: stopping")
            stop_and_remove(site, boxes[name])
            report(f"{name}: removed")
        if volumes:
            site.engine.remove_volumes(site.project, name)


def restart(site: Site, names: Sequence[str], report: Report) -> None:
    """Stop the named boxes, or all, giving running jobs `stop_grace`, and start them again."""
    boxes = {box.name for box in chosen(site, names)}
    for seen in site.engine.boxes(site.project):
        if seen.box in boxes:
            report(f"{seen.box}: restarting")
            site.engine.stop(seen.container, timeout=stop_timeout(site, seen.box))
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
