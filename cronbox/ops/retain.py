"""Retention: history, output and images beyond what the config keeps are let go, in small batches.

After each batch there is a pause, at least as long as the batch took, so that who waits to write has its
turn: a SQLite database has one writer at a time, and who waits for it asks only now and then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from cronbox.engine import Image
from cronbox.ops import Site
from cronbox.store import Keeping, Old

BATCH = 100
"""Runs that go in one transaction: a run stands in ten indexes."""
REST_S = 0.02
MEGABYTE = 1 << 20

Rest = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, or would: runs by reason (`age`, `count`), runs of which only the output went, its bytes."""

    runs: Counter[str] = field(default_factory=Counter)
    outputs: int = 0
    output_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"runs": {why: self.runs[why] for why in ("age", "count")}}

    def __bool__(self) -> bool:
        return bool(self.runs.total() or self.outputs)


def retain(site: Site, *, rest: Rest = time.sleep) -> Pruned:
    """Delete the runs that `[retention]` does not keep, with their output, then the oldest output beyond
    `output_mb`; give the space back."""
    runs: Counter[str] = Counter()
    for old in site.store.old_runs(_keeping(site)):
        for start in range(0, len(old.pks), BATCH):
            runs[old.why] += _remove(site, Old(old.why, old.pks[start : start + BATCH]), rest)
    outputs = [_forget(site, run, size, rest) for run, size in _surplus(site)]
    _in_steps(site.store.give_back_space, rest)
    site.store.shorten_log()
    return Pruned(runs, len(outputs), sum(outputs))


def to_prune(site: Site) -> Pruned:
    """What `retain` would let go now. Output of runs that go with it is not counted."""
    runs: Counter[str] = Counter()
    keeping = _keeping(site)
    freed = 0
    for old in site.store.old_runs(keeping):
        runs[old.why] += len(old.pks)
        freed += site.store.output_of(old.pks)
    sizes = [size for _, size in _surplus(site, freed, but=keeping)]
    return Pruned(runs, len(sizes), sum(sizes))


def _keeping(site: Site) -> Keeping:
    section = site.config.file.retention
    since = site.now() - timedelta(days=section.runs_days)
    return Keeping(since, per_job=section.runs_per_job, failures=section.keep_last_failures)


def _surplus(site: Site, freed: int = 0, *, but: Keeping | None = None) -> Iterator[tuple[int, int]]:
    """(run, bytes) of the output that is too much once so many bytes are gone with their runs."""
    limit = site.config.file.retention.output_mb
    if limit is not None:
        surplus = site.store.output_bytes() - freed - limit * MEGABYTE
        yield from site.store.oldest_output(surplus, but=but)


def _remove(site: Site, old: Old, rest: Rest) -> int:
    _in_steps(lambda: site.store.forget_output(old.pks), rest)
    return _in_steps(lambda: site.store.remove_runs(old.pks), rest, times=1)


def _forget(site: Site, run: int, size: int, rest: Rest) -> int:
    """Said before it is done: a run of which half is gone must not look whole."""
    site.store.note_pruned(run, site.now())
    _in_steps(lambda: site.store.forget_output([run]), rest)
    return size


def _in_steps(step: Callable[[], int], rest: Rest, *, times: int | None = None) -> int:
    """Do the step until nothing is left, or so many times, with a rest behind each -> the sum of them."""
    done = 0
    while times != 0:
        begun = time.monotonic()
        found = step()
        if not found:
            break
        done += found
        rest(max(REST_S, time.monotonic() - begun))
        times = None if times is None else times - 1
    return done


def old_releases(site: Site) -> list[Image]:
    """Each box's images past its `[retention] releases` newest, but for those in use."""
    in_use = {box.image for box in site.engine.boxes(site.project)}
    kept = site.config.file.retention.releases
    releases = (site.engine.images(site.project, box)[kept:] for box in site.config.boxes)
    return [image for of_box in releases for image in of_box if image.id not in in_use]


def retain_releases(site: Site) -> list[str]:
    """Remove what `old_releases` finds -> their tags."""
    gone = []
    for image in old_releases(site):
        site.engine.remove_image(image)
        gone.append(image.tag)
    return gone
