"""From the end of a run in its box until `cronbox runs` would show it: ten boxes, a real daemon.

Each box has two runs a second. A run's end is the `t` of its `finished` event; it is visible once another
connection to the store reads it. Baseline: the line that the agent writes of the same end to the box's own
output, from the time that it bears until `docker logs -f` hands it over.
"""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_most
from benchmarks.fleet import JOB, Fleet

PERIOD_S = 0.5
POLL_S = 0.002
LOOK_BACK = 200
"""So many rows before the newest ended one are read again: runs do not end in the order of their starts."""
FIRE = f"for i in $(seq {{}}); do echo {JOB} >/run/cronbox/trigger; sleep {PERIOD_S}; done"
ENDED = "SELECT pk, finished_at FROM run WHERE pk > ? AND finished_at IS NOT NULL ORDER BY pk"


def measure(bench: Bench) -> Iterator[Row]:
    fleet, fires = bench.fleet, bench.times(120, 30)
    with ExitStack() as stack:
        store, lines = _Store(fleet, stack), _Lines(fleet, stack)
        # Beside the look at the store: ten execs take half a second, and runs end all the while.
        firing = threading.Thread(target=_fire, args=(fleet, fires))
        firing.start()
        stack.callback(firing.join)
        stored = store.latencies(fires * len(fleet.boxes), patience=fires * PERIOD_S + 30)
    shown = lines.latencies
    bench.say(f"{len(stored)} runs seen in the store, {len(shown)} in docker logs")
    for name, part, aim in (("p50", 50, None), ("p99", 99, at_most(250, "ms"))):
        figure, baseline = _percentile(stored, part), _percentile(shown, part)
        yield Row(f"end of a run -> store, {name}", figure, baseline, "ms", "its line in docker logs -f", aim)


def _fire(fleet: Fleet, fires: int) -> None:
    for box in fleet.boxes:
        fleet.container(box).exec_run(["sh", "-c", FIRE.format(fires)], detach=True)


def _percentile(latencies: Sequence[float], part: int) -> float:
    """In milliseconds, from seconds."""
    return statistics.quantiles(latencies, n=100)[part - 1] * 1e3


class _Store:
    """Looks for ends of runs that were not there when it was made."""

    def __init__(self, fleet: Fleet, stack: ExitStack) -> None:
        self._database = stack.enter_context(closing(sqlite3.connect(fleet.database, isolation_level=None)))
        self._seen = {pk for pk, _ in self._database.execute(ENDED, (0,))}

    def latencies(self, wanted: int, *, patience: float) -> list[float]:
        """Seconds from the end of each new run until it was seen, for all `wanted` ones that come in time."""
        found: list[float] = []
        version, deadline = None, time.monotonic() + patience
        while len(found) < wanted and time.monotonic() < deadline:
            time.sleep(POLL_S)
            if version == (version := self._database.execute("PRAGMA data_version").fetchone()):
                continue
            for pk, finished_at in self._database.execute(ENDED, (max(self._seen) - LOOK_BACK,)):
                if pk not in self._seen:
                    self._seen.add(pk)
                    found.append(time.time() - finished_at / 1e6)
        return found


class _Lines:
    """Reads `docker logs -f` of every box, until its stack is left."""

    def __init__(self, fleet: Fleet, stack: ExitStack) -> None:
        self.latencies: list[float] = []
        for box in fleet.boxes:
            stream = fleet.container(box).logs(stream=True, follow=True, tail=0)
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()
            stack.callback(stream.close)

    def _read(self, stream: Any) -> None:
        for chunk in stream:
            now = time.time()
            for line in chunk.decode().splitlines():
                if " succeeded after " in line:
                    self.latencies.append(now - datetime.fromisoformat(line.split()[0]).timestamp())
