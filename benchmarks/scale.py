"""Ten million runs in one SQLite file: how soon the newest fifty of a filter are there, what a run takes of
the disk, and how long a batch of retention holds the database.

The baselines are the bare driver's on the same file in the same call.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_most
from benchmarks.filled import BEGIN, JOBS, end_of, filled_postgres, filled_store
from benchmarks.ingest import CHUNK, events_of, ingest_seconds
from cronbox.model.event import Event, format_time
from cronbox.model.run import Status, Trigger
from cronbox.ops.retain import BATCH
from cronbox.store import Keeping, RunFilter, Store
from cronbox.store.database import PRAGMAS
from tests.postgres import Server

RUNS = int(os.environ.get("CRONBOX_BENCH_RUNS", "10_000_000"))
QUICK_RUNS = 200_000
POSTGRES_RUNS = 1_000_000
"""Fewer: PostgreSQL takes minutes to index ten million."""
SAMPLES = 5
MINUTES_OFF = 20
"""Minutes of history that go, a run of each job in each."""
PLACES: tuple[dict[str, Any], ...] = ({}, {"box": "box-7"}, {"box": "box-7", "job": "job-47"})
STATUSES = (None, Status.FAILED, Status.LOST, Status.RUNNING)
TRIGGERS = (None, Trigger.CRON, Trigger.MANUAL)
NEWEST = "SELECT * FROM run ORDER BY pk DESC LIMIT 50"


def measure(bench: Bench) -> Iterator[Row]:
    number = bench.times(RUNS, QUICK_RUNS)
    path = bench.root / "scale.db"
    with closing(filled_store(path, number)) as store:
        bench.say(f"{number:,} runs are in the store")
        yield _bytes_a_run(path, number)
        yield _bytes_of_a_printing_run(bench, bench.times(20_000, 2_000))
        yield from _newest(bench, store, path, number)
        yield from _letting_go(store, path, number)
    yield from _newest_on_postgres(bench, min(number, bench.times(POSTGRES_RUNS, QUICK_RUNS)))


def _bytes_a_run(path: Path, number: int) -> Row:
    with closing(sqlite3.connect(path)) as database:
        sums = "+".join(
            f"coalesce(length({column}), 0)"
            for column in ("id", "box", "job", "trigger", "status", "boot_id")
        )
        bare = database.execute(
            f"SELECT avg({sums}) + 9 * 8 FROM (SELECT * FROM run LIMIT 10000)"
        ).fetchone()[0]
    name = f"a run among {number:,}, without output"
    return Row(name, path.stat().st_size / number, bare, "bytes", "its bare values, no index")


def _bytes_of_a_printing_run(bench: Bench, runs: int) -> Row:
    """As the store has it after ingest: the row, ten indexes, and five lines of output with three."""
    path = bench.root / "scale-output.db"
    events = list(events_of(runs))
    ingest_seconds(f"sqlite:///{path}", [events[at : at + CHUNK] for at in range(0, len(events), CHUNK)])
    logged = sum(
        len(json.dumps({"seq": e.seq, "t": format_time(e.t), "type": e.type} | e.data)) for e in events
    )
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    name = f"a run of {runs:,} with five lines of output"
    return Row(name, path.stat().st_size / runs, logged / runs, "bytes", "its three lines in the box's log")


def _line(event: Event) -> str:
    head = {"seq": event.seq, "t": format_time(event.t), "type": event.type}
    return json.dumps(head | event.data) + "\n"


def _newest(bench: Bench, store: Store, path: Path, number: int) -> Iterator[Row]:
    with closing(sqlite3.connect(path)) as database:
        bare = _median_ms(lambda: database.execute(NEWEST).fetchall())
    yield from _of_filters(bench, store, number, bare, "sqlite3", f"newest 50 of {number:,} runs")


def _newest_on_postgres(bench: Bench, number: int) -> Iterator[Row]:
    """The same on a server that this measurement starts and takes away."""
    server = Server()
    try:
        server.start()
        name = server.database()
        with closing(filled_postgres(server, name, number)) as store, server.connect(name) as database:
            bench.say(f"{number:,} runs are in PostgreSQL")
            bare = _median_ms(lambda: database.execute(NEWEST).fetchall())
            title = f"newest 50 of {number:,} runs in PostgreSQL"
            yield from _of_filters(bench, store, number, bare, "psycopg", title)
    finally:
        server.remove()


def _of_filters(
    bench: Bench, store: Store, number: int, bare: float, driver: str, name: str
) -> Iterator[Row]:
    """The filter that is the slowest of all combinations, and the one in the middle."""
    took = {
        _words(wanted): _median_ms(lambda wanted=wanted: store.runs(wanted)) for wanted in _filters(number)
    }
    slowest = max(took, key=lambda words: took[words])
    bench.say(f"the slowest of {len(took)} filters: {slowest}")
    against = f"bare {driver}, newest 50 by key"
    yield Row(
        f"{name}, slowest of {len(took)} filters", took[slowest], bare, "ms", against, at_most(20, "ms")
    )
    yield Row(f"{name}, the filter in the middle", statistics.median(took.values()), bare, "ms", against)


def _letting_go(store: Store, path: Path, number: int) -> Iterator[Row]:
    """One batch of retention among all runs, and the look at each job for runs that are too many."""
    walk = store.old_runs(Keeping(BEGIN + timedelta(minutes=MINUTES_OFF), per_job=None, failures=10))
    pks = [pk for old in walk for pk in old.pks]
    ours = [_ms(partial(store.remove_runs, pks[at : at + BATCH])) for at in range(0, len(pks) // 2, BATCH)]
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in PRAGMAS:
            database.execute(pragma)
        rest = pks[len(pks) // 2 :]
        bare = [_ms(partial(_delete, database, rest[at : at + BATCH])) for at in range(0, len(rest), BATCH)]
    name = f"deleting {BATCH} of {number:,} runs"
    against = "bare sqlite3, the same delete by key"
    middle = statistics.median(ours), statistics.median(bare)
    yield Row(f"{name}, p50", *middle, "ms", against, at_most(50, "ms"))
    yield Row(f"{name}, the slowest of {len(ours)}", max(ours), max(bare), "ms", against)
    keeping = Keeping(BEGIN, per_job=number // JOBS // 2, failures=10)
    with closing(sqlite3.connect(path)) as database:
        counted = _median_ms(lambda: database.execute("SELECT count(*) FROM run").fetchone())
    looked = _median_ms(lambda: next(iter(store.old_runs(keeping)), None))
    yield Row(
        "the first of them, by number of a job", looked, counted, "ms", "bare sqlite3, counting all runs"
    )


def _delete(database: sqlite3.Connection, pks: Sequence[int]) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.execute(f"DELETE FROM run WHERE pk IN ({','.join(map(str, pks))})")
    database.execute("COMMIT")


def _filters(number: int) -> Iterator[RunFilter]:
    """Every combination of place, status, trigger and time; some find nothing, some nearly all."""
    end = end_of(number)
    hour, middle = end - timedelta(hours=1), BEGIN + (end - BEGIN) / 2
    times = ((None, None), (hour, None), (None, middle), (middle, middle + timedelta(minutes=10)))
    for place, status, trigger, (since, until) in product(PLACES, STATUSES, TRIGGERS, times):
        yield RunFilter(**place, status=status, trigger=trigger, since=since, until=until)


def _words(wanted: RunFilter) -> str:
    given = {name: getattr(wanted, name) for name in ("box", "job", "status", "trigger", "since", "until")}
    return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None) or "none"


def _median_ms(call: Callable[[], object]) -> float:
    return statistics.median(_ms(call) for _ in range(SAMPLES))


def _ms(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000
