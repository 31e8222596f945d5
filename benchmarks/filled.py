"""A store with so many runs that a scan would show: filled by the database itself, from arithmetic alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cronbox.store import Store
from cronbox.store.database import PRAGMAS
from tests.postgres import Server

JOBS = 1_000
BOXES = 20
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK = 250_000

ROWS = """
WITH RECURSIVE block(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM block WHERE n + 1 < {last}),
told AS (SELECT n, n % {jobs} AS job, {begin} + (n / {jobs}) * CAST(60000000 AS bigint) AS slot,
                n * 2654435761 % 100003 AS dice FROM block)
INSERT INTO run (id, box, job, trigger, status, at, scheduled_for, occurrence, started_at, finished_at,
                 duration_s, attempt, exit_code, cpu_s, max_rss_bytes, output_bytes, dropped_bytes, release,
                 boot_id)
SELECT {id}, 'box-' || (job % {boxes}), 'job-' || job,
       CASE WHEN dice % 100 < 95 THEN 'cron' WHEN dice % 100 < 97 THEN 'manual'
            WHEN dice % 100 < 98 THEN 'retry' WHEN dice % 100 < 99 THEN 'catchup' ELSE 'reboot' END,
       CASE WHEN dice < 96000 THEN 'succeeded' WHEN dice < 98000 THEN 'failed'
            WHEN dice < 99000 THEN 'skipped' WHEN dice < 99500 THEN 'timed_out'
            WHEN dice < 99900 THEN 'killed' WHEN dice < 99990 THEN 'missed' ELSE 'lost' END,
       slot + 1000000, slot, 0, slot + 1000000, slot + 3000000, 2.0,
       1, 0, 0.01, 4194304, 0, 0, 1, 'boot-' || (n / 5000000)
FROM told ORDER BY n
"""


def filled_store(path: Path, number: int) -> Store:
    """A store of `number` runs: JOBS jobs of one minute in BOXES boxes, a few in a hundred not well or not by
    cron. The indexes are made behind the rows, which is much faster and gives the same."""
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in PRAGMAS:
            database.execute(pragma)
        database.execute("PRAGMA cache_size=-262144")
        find = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'run'"
        indexes = database.execute(find).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        for first in range(0, number, BLOCK):
            database.execute(_rows(first, min(first + BLOCK, number), "lower(hex(randomblob(16)))"))
        for _, sql in indexes:
            database.execute(sql)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


def filled_postgres(server: Server, name: str, number: int) -> Store:
    """The same in an empty database of PostgreSQL."""
    store = Store.open(server.url(name))
    store.upgrade()
    with server.connect(name) as database:
        find = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'run' AND indexname != 'run_pkey'"
        )
        indexes = database.execute(find).fetchall()
        for index, _ in indexes:
            database.execute(f"DROP INDEX {index}".encode())
        for first in range(0, number, BLOCK):
            rows = _rows(first, min(first + BLOCK, number), "md5(random()::text)")
            database.execute(rows.encode())
        for _, sql in indexes:
            database.execute(str(sql).encode())
        database.execute("VACUUM ANALYZE run")
    return store


def end_of(number: int) -> datetime:
    """When the last run of so many came up."""
    return BEGIN + timedelta(minutes=number // JOBS)


def _rows(first: int, last: int, id: str) -> str:
    """The statement that puts in a block of rows; `id` makes one, as the database writes it."""
    begin = int(BEGIN.timestamp()) * 1_000_000
    return ROWS.format(first=first, last=last, jobs=JOBS, boxes=BOXES, begin=begin, id=id)
