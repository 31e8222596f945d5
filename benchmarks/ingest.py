"""A box's log into the store: events a second through `ops.ingest`, beside the bare driver.

The baseline writes what the store holds in the end, with the same settings, the same tables and indexes, and
one transaction for as many events: no reading, no checking, no compressing, no objects. PostgreSQL is a
server of the measurement's own, which does not wait for the disk, so that no figure is the disk's.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_least_times
from cronbox.model.event import Event
from cronbox.ops.ingest import ingest
from cronbox.ops.intake import MAX_EVENTS
from cronbox.store import Store
from cronbox.store.database import PRAGMAS
from tests.postgres import Server, running

CHUNK = MAX_EVENTS
"""What one transaction takes while a tail catches up."""
EVENTS_A_RUN = 3
TABLES = ("run", "output", "incident")
BEGIN = datetime(2026, 11, 23, tzinfo=UTC)


def measure(bench: Bench) -> Iterator[Row]:
    runs = bench.times(10_000, 2_000)
    events = list(events_of(runs))
    chunks = [events[at : at + CHUNK] for at in range(0, len(events), CHUNK)]
    ours, bare = [], []
    for number in range(bench.times(5, 3)):
        path = bench.root / f"ingest-{number}.db"
        ours.append(len(events) / ingest_seconds(f"sqlite:///{path}", chunks))
        bare.append(len(events) / driver_seconds(path, bench.root / f"driver-{number}.db", len(chunks)))
        bench.say(f"ingest {ours[-1]:,.0f} events/s, bare driver {bare[-1]:,.0f}")
    yield Row(
        "ingest into SQLite",
        statistics.median(ours),
        statistics.median(bare),
        "events/s",
        f"same rows, bare sqlite3, {CHUNK} events a transaction",
        at_least_times(0.5),
    )
    yield _on_postgres(bench, chunks)


def _on_postgres(bench: Bench, chunks: Sequence[Sequence[Event]]) -> Row:
    """The same into PostgreSQL, on a server that this measurement starts and takes away."""
    total = sum(map(len, chunks))
    ours, bare = [], []
    with running() as server:
        for _ in range(bench.times(5, 3)):
            made, copy = server.database(), server.database()
            ours.append(total / ingest_seconds(server.url(made), chunks))
            bare.append(total / psycopg_seconds(server, made, copy, len(chunks)))
            bench.say(f"PostgreSQL: ingest {ours[-1]:,.0f} events/s, bare driver {bare[-1]:,.0f}")
    return Row(
        "ingest into PostgreSQL",
        statistics.median(ours),
        statistics.median(bare),
        "events/s",
        f"same rows, bare psycopg, {CHUNK} events a transaction",
        at_least_times(0.5),
    )


def events_of(runs: int) -> Iterator[Event]:
    """A boot and then, for each run, its start, a batch of five lines, and its end."""
    yield _event(1, "boot", log_id="log", boot_id="boot", agent="0.1.0", release=1, timezone="UTC")
    for number in range(runs):
        seq, run = 2 + number * EVENTS_A_RUN, f"{number:032x}"
        slot = (BEGIN + timedelta(minutes=number // 50)).strftime("%Y-%m-%dT%H:%M:00Z")
        job = {"run": run, "job": f"job-{number % 50}"}
        stands = {"trigger": "cron", "scheduled_for": slot, "occurrence": 0, "attempt": 1}
        yield _event(seq, "started", **job, **stands, pid=100, user="root")
        lines = [[0.01 * line, "out", f"row {line} of run {number}: all well"] for line in range(5)]
        yield _event(seq + 1, "output", **job, lines=lines)
        measured = {
            "duration_s": 0.1,
            "cpu_s": 0.01,
            "max_rss_bytes": 4 << 20,
            "output_bytes": 150,
            "dropped_bytes": 0,
        }
        how = {"status": "succeeded", "exit_code": 0, "signal": None, "reason": None}
        yield _event(seq + 2, "finished", **job, **how, **measured)


def _event(seq: int, kind: str, **data: Any) -> Event:
    return Event(seq, BEGIN + timedelta(milliseconds=10 * seq), kind, data)


def ingest_seconds(url: str, chunks: Sequence[Sequence[Event]]) -> float:
    """How long the store takes for all chunks, from an empty database."""
    with closing(Store.open(url)) as store:
        store.upgrade()
        begun = time.perf_counter()
        for chunk in chunks:
            ingest(store, "box", chunk, log_id="log", now=BEGIN)
        return time.perf_counter() - begun


def driver_seconds(source: Path, path: Path, batches: int) -> float:
    """How long the bare driver takes to write the rows of `source` into an empty copy of it."""
    with closing(Store.open(f"sqlite:///{path}")) as store:
        store.upgrade()
    with closing(sqlite3.connect(source)) as made:
        rows = {table: made.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in PRAGMAS:
            database.execute(pragma)
        begun = time.perf_counter()
        for batch in range(batches):
            database.execute("BEGIN IMMEDIATE")
            for table, found in rows.items():
                _insert(database, table, _part(found, batch, batches))
            database.execute("COMMIT")
        return time.perf_counter() - begun


def _insert(database: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        places = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def psycopg_seconds(server: Server, source: str, target: str, batches: int) -> float:
    """How long bare psycopg takes to write the rows of one database into another, empty one."""
    with closing(Store.open(server.url(target))) as store:
        store.upgrade()
    with server.connect(source) as made:
        rows = {table: made.execute(f"SELECT * FROM {table} ORDER BY pk").fetchall() for table in TABLES}
    with server.connect(target) as database, database.cursor() as cursor:
        begun = time.perf_counter()
        for batch in range(batches):
            with database.transaction():
                for table, found in rows.items():
                    if part := _part(found, batch, batches):
                        places = ", ".join(["%s"] * len(part[0]))
                        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", part)
        return time.perf_counter() - begun


def _part(rows: Sequence[tuple[Any, ...]], batch: int, batches: int) -> Sequence[tuple[Any, ...]]:
    return rows[batch * len(rows) // batches : (batch + 1) * len(rows) // batches]
