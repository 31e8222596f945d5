"""A database under a process that is killed amid its writing, again and again."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from cronbox.errors import StoreError
from cronbox.model.run import Status
from cronbox.ops.ingest import ingest
from cronbox.store import RunFilter, Store, backup, schema
from tests.databases import Databases, Sqlite, opened
from tests.ops.boxlog import LOG, NOON, rows
from tests.store.killed import RUNS, a_log, prepare, retain
from tests.store.test_schema import FACTS, everything, facts, fill, kept, many

pytestmark = pytest.mark.slow

KILLS = 7


def kill_amid(url: str, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == b"ready\n", child.stderr.read().decode()
        time.sleep(seconds)
        child.kill()
        said = child.stderr.read().decode()
    assert child.returncode == -signal.SIGKILL, said


def is_whole(store: Store) -> int:
    """Nothing is damaged, and the rows are exactly those of the events up to the cursor -> its `seq`."""
    assert store.examine().problems == ()
    cursor = store.cursor("etl")
    seq = cursor.seq if cursor else 0
    found = {run.id: run.status for run in store.runs(RunFilter(box="etl", limit=10_000))}
    expected: dict[str, Status] = {}
    printed: Counter[str] = Counter()
    for event in a_log().events[:seq]:
        match event.type:
            case "started":
                expected[str(event.run)] = Status.RUNNING
            case "output":
                printed[str(event.run)] += 1
            case "finished":
                expected[str(event.run)] = Status.FAILED
    assert found == expected
    assert Counter(line.run for line in store.box_output("etl")) == printed
    told = Counter(delivery.notice.run for delivery in store.deliveries(limit=10_000))
    assert told == Counter(id for id, status in expected.items() if status is Status.FAILED)
    return seq


def test_a_writer_killed_again_and_again_leaves_a_whole_database_and_writes_all_once(databases: Databases):
    url, dice = databases.url(), random.Random(11)
    store = opened(url)
    prepare(store, old=True)
    places = [0]
    for _ in range(KILLS):
        kill_amid(url, dice.uniform(0.02, 0.3))
        places.append(is_whole(store))
    assert places == sorted(places) and places[-1] > 20, "nothing was going on when it was killed"
    clean = databases.store()
    prepare(clean, old=False)
    for one in (store, clean):
        ingest(one, "etl", a_log().events, log_id=LOG, now=NOON)
        while retain(one, 500):
            pass
    assert is_whole(store) == len(a_log().lines)
    assert rows(store) == rows(clean)
    assert store.runs(RunFilter(box="old")) == [] and len(store.runs(RunFilter(limit=10_000))) == RUNS
    store.close()
    clean.close()


UPGRADE = """
import sys
from tests.databases import opened
print("ready", flush=True)
opened(sys.argv[1])
"""


@pytest.mark.parametrize("delay", [0.1, 0.3])
def test_a_backup_from_before_an_upgrade_that_was_killed_is_as_good_as_ever(tmp_path: Path, delay: float):
    url = Sqlite(tmp_path).url()
    store = Store.open(url)
    with store.transaction() as tx:
        schema.upgrade(tx, to="0002")
        fill(tx)
        before = everything(tx)
        many(tx, 20_000)
    backup.backup(url, tmp_path / "before.backup")
    with subprocess.Popen([sys.executable, "-c", UPGRADE, url], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.kill()
    backup.restore(url, tmp_path / "before.backup")
    assert store.revision() == "0002"
    with store.reading() as tx:
        assert {**everything(tx), "run": before["run"]} == before
    store.upgrade()
    assert facts(store) == FACTS and store.examine().problems == ()
    store.close()


ON_A_FULL_DISK = """
import resource, signal, sys
from cronbox.errors import StoreError
from tests.databases import opened
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    opened(sys.argv[1])
except StoreError as error:
    print(error.message, "|", error.hint)
    sys.exit(7)
"""


@pytest.mark.parametrize("room", [4096, 60_000])
def test_an_upgrade_on_a_full_disk_says_so_and_changes_nothing(tmp_path: Path, room: int):
    """The file size limit stands for the disk: it refuses in the same way."""
    url = Sqlite(tmp_path).url()
    store = Store.open(url)
    with store.transaction() as tx:
        schema.upgrade(tx, to="0001")
        fill(tx)
        many(tx, 5_000)
        before = everything(tx)
    store.close()
    argv = [sys.executable, "-c", ON_A_FULL_DISK, url, str(room)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "disk" in done.stdout
    store = Store.open(url)
    assert store.revision() == "0001"
    with store.reading() as tx:
        assert everything(tx) == before
    store.upgrade()
    assert facts(store) == FACTS and store.examine().problems == ()
    with store.reading() as tx:
        assert kept(before, everything(tx)) == before
    store.close()


def test_a_file_whose_bytes_were_overwritten_is_found_to_be_damaged_wherever_it_was(tmp_path: Path):
    dice = random.Random(5)
    url = Sqlite(tmp_path).url()
    store = opened(url)
    prepare(store, old=True)
    ingest(store, "etl", a_log().events, log_id=LOG, now=NOON)
    with store.reading() as tx:
        pages = tx.execute(text("PRAGMA page_count")).scalar_one()
    store.close()
    file = tmp_path / "1.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    for _ in range(15):
        place = 4096 * dice.randrange(2, pages - 1)
        file.write_bytes(whole[:place] + dice.randbytes(4096) + whole[place + 4096 :])
        assert "db restore" in cure(url)


def cure(url: str) -> str:
    """What a look at the database says is to be done."""
    try:
        with closing(Store.open(url)) as damaged:
            return damaged.examine().cure
    except StoreError as error:
        return error.hint


def test_a_look_that_has_no_time_says_that_it_has_not_seen_all(sqlite_store: Store):
    prepare(sqlite_store, old=True)
    assert sqlite_store.check(quick=True, within_s=60.0)
    assert not sqlite_store.check(within_s=0.0)
    assert sqlite_store.check()
