"""Take in what the boxes have logged, for commands that want to answer where no daemon does that."""

from __future__ import annotations

from collections.abc import Collection

from cronbox.model.box import SeenBox
from cronbox.model.event import parse_time
from cronbox.ops import Site
from cronbox.ops.deaths import close_dead
from cronbox.ops.lease import who_leads
from cronbox.ops.tail import Tail, read_stopped
from cronbox.ops.watch import look_after_reading


def catch_up(site: Site, names: Collection[str] | None = None) -> None:
    """Bring the store up to what the logs of the named boxes, or of all, hold now, and account for the slots
    up to now. Leaves it to the daemon if one runs. Raises NoEngine or EngineError."""
    if who_leads(site):
        return
    moment = site.now()
    seen = {box.box: box for box in site.engine.boxes(site.project)}
    wanted = {*site.config.boxes, *seen, *site.store.expecting()} if names is None else set(names)
    for name in sorted(wanted & seen.keys()):
        _take_in(site, seen[name])
    look_after_reading(site, seen, sorted(wanted), moment)


def _take_in(site: Site, box: SeenBox) -> None:
    if box.running:
        Tail(site.engine, site.store, box.box, container=box.container, now=site.now).catch_up()
        return
    if not box.half_removed and not _is_read(site, box):
        read_stopped(site.engine, site.store, box.box, container=box.container, now=site.now)
    close_dead(site, box)


def _is_read(site: Site, box: SeenBox) -> bool:
    """Whether the last words of this very life of the box are in the store."""
    stopped = site.store.box_state(box.box).stopped_at
    return stopped is not None and box.started_at is not None and parse_time(box.started_at) < stopped
