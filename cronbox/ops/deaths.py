"""What becomes of the runs of a box that died under them."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import structlog

from cronbox.engine import EngineEvent
from cronbox.errors import EngineError, NotFound
from cronbox.model.box import SeenBox
from cronbox.ops import Site
from cronbox.ops.ingest import close_lost
from cronbox.ops.tail import read_stopped
from cronbox.store import Incident

SIGNAL_BASE = 128
"""A process ended by signal n has the exit code 128 + n."""


log = structlog.get_logger()


def close_ended(site: Site, seen: Sequence[SeenBox]) -> None:
    """Close the runs of all boxes that stand still or are gone. One whose log cannot be read holds up no
    other. Raises NoEngine."""
    for box in seen:
        if not box.running:
            try:
                close_dead(site, box)
            except (EngineError, NotFound) as error:
                log.warning("log_not_read", box=box.box, error=error.message)
    close_gone(site, seen)


def close_dead(site: Site, box: SeenBox) -> None:
    """Read the log of a box that stands still to its end, then close what never finished as `lost`. The runs
    of one that is frozen are not over; one that is half removed is as good as gone."""
    if box.frozen or not site.store.open_runs(box.box):
        return
    if not box.half_removed:
        read_stopped(site.engine, site.store, box.box, container=box.container, now=site.now)
    close_lost(site.store, box.box, reason=_reason(box.exit_code, oom=box.oom_killed), now=site.now())


def close_gone(site: Site, seen: Sequence[SeenBox]) -> None:
    """Close the runs of boxes that have no container any more. What their log still holds is read when the
    box is made again, and then replaces this end."""
    for box in {run.box for run in site.store.open_runs()} - {box.box for box in seen}:
        close_lost(site.store, box, reason=_reason(None, oom=False), now=site.now())


def note_death(site: Site, event: EngineEvent) -> None:
    """Keep why a box died, for the runs that its next boot will close. An `oom` alone is no death: the engine
    also tells of one process in the box."""
    seen = site.engine.boxes(site.project)
    oom = any(box.container == event.container and box.oom_killed for box in seen)
    site.store.note_death(event.box, reason=_reason(event.exit_code, oom=oom))


def note_pause(site: Site, event: EngineEvent) -> None:
    """Keep that the engine paused a box, or let it go on: the box itself cannot tell."""
    site.store.note_incident(Incident(event.box, event.at, f"engine_{event.action}d"))


def _reason(exit_code: int | None, *, oom: bool) -> str:
    match exit_code:
        case None:
            return "the box is gone"
        case 0:
            return "the box stopped"
        case code if oom and code == SIGNAL_BASE + signal.SIGKILL:
            return "the box ran out of memory"
        case code if code > SIGNAL_BASE:
            return f"the box was killed by signal {code - SIGNAL_BASE}"
        case code:
            return f"the box ended with exit code {code}"
