"""On PostgreSQL nothing that watch, ingest, retention or a listing asks reads through the history.

The server itself tells: it writes the plan of every statement into its log, as it was carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random

import pytest
import zstandard

from cronbox.config import load_config
from cronbox.model.alert import Rule
from cronbox.model.run import Status, Trigger
from cronbox.ops import Site
from cronbox.ops.ingest import close_lost, ingest
from cronbox.ops.retain import retain, to_prune
from cronbox.store import RunFilter, Store, outputs, targets
from tests.databases import Postgres, opened
from tests.fakes.engine import FakeEngine
from tests.ops.boxlog import BoxLog
from tests.ops.house import NOON, House
from tests.postgres import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

RUNS = 60_000
TOO_MANY = 3_000
"""Rows of the history that no statement needs to pass over or to fetch; a page of a walk is 500."""

EXPLAINED = (
    ("session_preload_libraries", "'auto_explain'"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_analyze", "on"),
    ("auto_explain.log_timing", "off"),
    ("auto_explain.log_nested_statements", "on"),
)

FILL_RUNS = f"""
INSERT INTO run (id, box, job, trigger, status, at, scheduled_for, occurrence, started_at, finished_at,
                 duration_s, attempt, exit_code, output_bytes, dropped_bytes, release, boot_id, origin)
SELECT md5(n::text), CASE n %% 20 WHEN 0 THEN 'etl' ELSE 'box-' || n %% 20 END,
       CASE n %% 100 WHEN 0 THEN 'load' ELSE 'job-' || n %% 100 END,
       CASE WHEN dice < 950 THEN 'cron' WHEN dice < 970 THEN 'manual' ELSE 'catchup' END,
       CASE WHEN dice %% 100 < 96 THEN 'succeeded' WHEN dice %% 100 < 98 THEN 'failed'
            WHEN dice %% 100 < 99 THEN 'skipped' ELSE 'lost' END,
       slot + 1000000, slot, 0, slot + 1000000, slot + 3000000, 2.0, 1, 0, 0, 0, 1, 'boot', NULL
FROM (SELECT n, n * 2654435761 %% 1009 %% 1000 AS dice,
             (%s - (({RUNS} - n) / 100 + 1) * 60000000)::bigint AS slot
      FROM generate_series(1, {RUNS}::bigint) AS n) AS told
"""
FILL_OUTPUT = """
INSERT INTO output (run, box, job, at, lines) SELECT pk, box, job, at, %s FROM run ORDER BY pk
"""


class History:
    """A store in which much has happened, and what the server says of the statements that are sent to it."""

    def __init__(self, server: Server) -> None:
        self.url = Postgres(lambda: server).url()
        self._log = server.folder / "server.log"
        name = self.url.rpartition("/")[2]
        opened(self.url).close()
        lines = zstandard.compress(outputs.packed([[0.1, "out", Random(1).randbytes(400).hex()]]))
        with server.connect(name) as database:
            database.execute(FILL_RUNS, [round(NOON.timestamp() // 60) * 60_000_000])
            database.execute(FILL_OUTPUT, [lines])
            database.execute("ANALYZE")
        for setting, value in EXPLAINED:
            server.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
        self._begin = self._log.stat().st_size

    def plans(self) -> list[str]:
        """The plans of all statements since the last call, or since the beginning."""
        with self._log.open(errors="replace") as log:
            log.seek(self._begin)
            told = log.read()
            self._begin = log.tell()
        return [entry.partition("\n20")[0] for entry in told.split(" plan:\n")[1:]]


@pytest.fixture(scope="module")
def history(postgres: Server) -> History:
    return History(postgres)


@pytest.fixture
def store(history: History) -> Iterator[Store]:
    with closing(Store.open(history.url)) as made:
        history.plans()
        yield made


SCAN = re.compile(r"(\w+(?: \w+)* Scan)\b.* on (?:run|output)\b.*actual rows=(\d+) loops=(\d+)")
PASSED_OVER = re.compile(r"Rows Removed by (?:Filter|Index Recheck): (\d+)")


def faults_of(plan: str) -> Iterator[str]:
    """What in a plan reads through the history."""
    for line in plan.splitlines():
        if scan := SCAN.search(line):
            kind, rows, loops = scan[1], int(scan[2]), int(scan[3])
            if "Seq Scan" in kind or rows * loops > TOO_MANY:
                yield line.strip()
        if (passed := PASSED_OVER.search(line)) and int(passed[1]) > TOO_MANY:
            yield line.strip()


def assert_nothing_reads_through_it(history: History, *, statements: int) -> None:
    """There were at least so many statements that looked at runs or output, and each went by an index."""
    plans = history.plans()
    looking = [plan for plan in plans if SCAN.search(plan)]
    assert len(looking) >= statements, plans
    bad = {fault: plan for plan in plans for fault in faults_of(plan)}
    assert not bad, "\n\n".join(bad.values())


def test_a_plan_that_reads_through_the_history_is_found(history: History, store: Store):
    with store.reading() as tx:
        tx.exec_driver_sql("SELECT count(*) FROM run WHERE reason = 'none'")
    assert any(fault for plan in history.plans() for fault in faults_of(plan))


def test_the_newest_runs_of_any_filter_come_from_an_index(history: History, store: Store):
    places: tuple[dict[str, str], ...] = ({}, {"box": "etl"}, {"box": "etl", "job": "load"})
    hour, middle = NOON - timedelta(hours=1), NOON - timedelta(hours=5)
    times = ((None, None), (hour, None), (None, middle), (middle, middle + timedelta(minutes=10)))
    for place, status, trigger in product(places, (None, *Status), (None, *Trigger)):
        for since, until in times:
            store.runs(RunFilter(**place, status=status, trigger=trigger, since=since, until=until))
    assert_nothing_reads_through_it(history, statements=len(places) * len(times) * len(Status))


def test_what_is_asked_of_single_runs_jobs_and_boxes_goes_by_an_index(history: History, store: Store):
    (run,) = store.runs(RunFilter(box="etl", job="load", limit=1))
    hour = NOON - timedelta(hours=1)
    store.run(run.id[:8])
    store.attempts(run)
    store.results("etl", "load", 5)
    store.last_ended("etl", "load")
    store.last_runs("etl")
    store.last_failure("etl")
    store.open_runs()
    store.open_runs("etl")
    store.slots("etl", "load", hour, NOON)
    store.runs_in_slots("etl", "load", hour, NOON)
    store.counts(NOON - timedelta(minutes=10))
    store.pruned_at(run.id)
    assert_nothing_reads_through_it(history, statements=12)


def test_output_is_read_by_an_index(history: History, store: Store):
    (run,) = store.runs(RunFilter(box="etl", job="load", limit=1))
    assert len(list(store.output(run.id))) == len(store.tail_output(run.id, 5)) == 1
    assert len(store.tail_box_output("etl", None, 5)) == len(store.tail_box_output("etl", "load", 5)) == 5
    hour = NOON - timedelta(hours=1)
    assert list(store.box_output("etl", since=hour)) and list(store.box_output("etl", "load", since=hour))
    assert_nothing_reads_through_it(history, statements=7)


def test_ingest_goes_by_an_index(history: History, store: Store):
    log = BoxLog().boot().started("a").output("a", "one").finished("a").started("b", "other").tick()
    for first, last in ((0, 3), (3, 6)):
        ingest(store, "etl", log.events[first:last], log_id="log-1", now=log.now)
    close_lost(store, "etl", reason="it died", now=log.now)
    assert_nothing_reads_through_it(history, statements=8)


def test_the_watch_its_conditions_and_notifications_go_by_an_index(
    history: History, store: Store, tmp_path: Path
):
    with store.transaction() as tx:
        targets.keep(tx, [Rule("ops", after=2)])
    house = House(tmp_path, database=history.url)
    try:
        house.up()
        house.pass_minutes(7)
        house.stop()
        house.pass_minutes(12)
        house.up()
        house.pass_minutes(6)
    finally:
        house.close()
    assert store.deliveries() and store.condition_history("etl")
    assert_nothing_reads_through_it(history, statements=50)


def test_retention_goes_by_an_index(history: History, store: Store, tmp_path: Path):
    text = "[retention]\nruns_days = 1\nruns_per_job = 590\noutput_mb = 1\n"
    (tmp_path / "config.toml").write_text(text)
    now = NOON + timedelta(days=1, minutes=-590)
    site = Site(
        load_config(tmp_path / "config.toml"),
        connect=FakeEngine,
        open_store=lambda: store,
        now=lambda: now,
    )
    with store.transaction() as tx:
        outputs.grow(tx, "etl", (1 << 20) + 700_000)
    assert to_prune(site).outputs > 100
    gone = retain(site, rest=lambda _: None)
    assert gone.runs["age"] > 500 and gone.outputs > 100
    assert_nothing_reads_through_it(history, statements=50)
