"""`cronbox db`: the database as a whole."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cronbox.model.run import Run, Status, Trigger
from cronbox.ops.ingest import ingest
from cronbox.ops.lock import daemon_lock
from cronbox.store import RunFilter, Store, runs, schema
from tests.cli.desk import Answer, Desk
from tests.databases import Databases, Postgres, Sqlite
from tests.ops.boxlog import LOG, NOON, BoxLog
from tests.project import wait_until


@dataclass(frozen=True, slots=True)
class Office:
    """A project whose database is one of either kind."""

    desk: Desk
    url: str

    def __call__(self, *argv: str) -> Answer:
        return self.desk("db", *argv)

    @contextmanager
    def store(self) -> Iterator[Store]:
        with closing(Store.open(self.url)) as store:
            yield store

    def fill(self, runs: int = 3) -> None:
        with self.store() as store:
            store.upgrade()
            put(store, runs)

    def ids(self) -> list[str]:
        with self.store() as store:
            return sorted(run.id for run in store.runs())

    def move(self, url: str) -> Office:
        """The same project with another database."""
        self.desk.configure(f'database = "{url}"\n')
        return Office(self.desk, url)


def put(store: Store, number: int, *, box: str = "etl") -> None:
    log = BoxLog().boot()
    for n in range(number):
        log.tick().started(f"{box}-{n}").output(f"{box}-{n}", "line").finished(f"{box}-{n}")
    ingest(store, box, log.events, log_id=LOG, now=NOON)


@pytest.fixture
def office(desk: Desk, databases: Databases) -> Office:
    return Office(desk, "").move(databases.url())


def test_an_upgrade_says_from_where_to_where(office: Office) -> None:
    assert office("upgrade").out == f"schema none -> {schema.head()}\n"
    assert "nothing to do" in office("upgrade").out


def test_a_sound_database_is_told_to_be_so(office: Office) -> None:
    office.fill()
    answer = office("check")
    assert (answer.code, answer.err) == (0, "")
    assert "sound" in answer.out and "3 runs" in answer.out
    assert office("check", "--json").json["rows"]["outputs"] == 3


def test_an_old_schema_is_a_problem_that_names_its_cure(office: Office) -> None:
    with office.store() as store, store.transaction() as tx:
        schema.upgrade(tx, to="0001")
    answer = office("check")
    assert answer.code == 1
    assert "0001" in answer.out and "db upgrade" in answer.out


def test_two_runs_in_one_slot_are_found_where_no_index_forbids_them(office: Office) -> None:
    office.fill()
    with office.store() as store:
        slot = store.runs(RunFilter(limit=1))[0].scheduled_for
        with store.transaction() as tx:
            tx.exec_driver_sql("DROP INDEX run_slot")
            runs.add(tx, [Run("twin", "etl", "load", Trigger.CRON, Status.LOST, scheduled_for=slot)])
    answer = office("check")
    assert answer.code == 1
    assert "2 runs of etl/load stand in one slot" in answer.out


def test_a_damaged_file_is_a_problem(desk: Desk, tmp_path: Path) -> None:
    office = Office(desk, "").move(Sqlite(tmp_path).url())
    office.fill(400)
    file = tmp_path / "1.db"
    with file.open("r+b") as raw:
        raw.seek(8 * 4096)
        raw.write(b"\xff" * 40960)
    answer = office("check")
    assert answer.code == 1
    assert "damaged" in answer.out + answer.err or "malformed" in answer.err
    assert "db restore" in answer.out + answer.err


def test_a_backup_comes_back_into_an_empty_database(office: Office, databases: Databases) -> None:
    office.fill()
    assert office("backup", "b.db").code == 0
    elsewhere = office.move(databases.url())
    answer = elsewhere("restore", "b.db")
    assert (answer.code, answer.err) == (0, "")
    assert elsewhere.ids() == office.ids()
    assert elsewhere("check").code == 0


def test_a_backup_writes_over_nothing(office: Office, tmp_path: Path) -> None:
    office.fill()
    (tmp_path / "b.db").write_text("mine")
    answer = office("backup", "b.db")
    assert (answer.code, (tmp_path / "b.db").read_text()) == (1, "mine")
    assert "there already" in answer.err


def test_a_backup_of_a_busy_database_is_one_moment_of_it(office: Office, databases: Databases) -> None:
    office.fill(1)
    ended = threading.Event()

    def write() -> None:
        with office.store() as store:
            number = 0
            while not ended.is_set():
                put(store, 5, box=f"box-{number}")
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(office.ids()) > 10)
        answer = office("backup", "b.db")
    finally:
        ended.set()
        writer.join()
    assert (answer.code, answer.err) == (0, "")
    elsewhere = office.move(databases.url())
    assert elsewhere("restore", "b.db").code == 0
    rows = elsewhere("check", "--json").json["rows"]
    assert rows["runs"] == rows["outputs"] == 1 + 5 * (rows["boxes"] - 1)


def test_a_restore_over_data_needs_force(office: Office) -> None:
    office.fill()
    assert office("backup", "b.db").code == 0
    with office.store() as store:
        put(store, 1, box="web")
    before = office.ids()
    answer = office("restore", "b.db")
    assert answer.code == 1 and "--force" in answer.err
    assert office.ids() == before
    assert office("restore", "b.db", "--force").code == 0
    assert office.ids() == [id for id in before if not id.startswith("web")]


def test_an_older_backup_is_brought_up_to_date(office: Office, databases: Databases) -> None:
    with office.store() as store, store.transaction() as tx:
        schema.upgrade(tx, to="0001")
    assert office("backup", "b.db").code == 0
    elsewhere = office.move(databases.url())
    assert f"0001 -> {schema.head()}" in elsewhere("restore", "b.db").out
    assert elsewhere("check").code == 0


def test_what_is_no_backup_is_refused_and_changes_nothing(office: Office, tmp_path: Path) -> None:
    office.fill()
    (tmp_path / "b.db").write_text("no backup at all\n" * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE x (y)")
    for file in ("b.db", "other.db"):
        assert office("restore", file, "--force").code == 1
    assert office("restore", "nowhere").code == 4
    assert len(office.ids()) == 3


def test_no_restore_while_a_daemon_runs(office: Office, tmp_path: Path) -> None:
    office.fill()
    assert office("backup", "b.db").code == 0
    with daemon_lock(tmp_path / ".cronbox", now=NOON), office.store() as store:
        if store.shared:
            store.take_lease(host="elsewhere", pid=7, ttl=timedelta(seconds=30))
        answer = office("restore", "b.db", "--force")
    assert answer.code == 1 and "daemon" in answer.err


def test_a_file_that_is_no_database_any_more_is_put_aside(desk: Desk, tmp_path: Path) -> None:
    office = Office(desk, "").move(Sqlite(tmp_path).url())
    office.fill()
    assert office("backup", "b.db").code == 0
    (tmp_path / "1.db").write_bytes(b"rubbish" * 1000)
    assert office("restore", "b.db").code == 1
    answer = office("restore", "b.db", "--force")
    assert answer.code == 0 and "1.db.damaged-1" in answer.out
    assert (tmp_path / "1.db.damaged-1").read_bytes() == b"rubbish" * 1000
    assert len(office.ids()) == 3


def test_a_database_that_is_not_there_is_not_made_by_a_look(desk: Desk, tmp_path: Path) -> None:
    office = Office(desk, "").move(f"sqlite:///{tmp_path}/none.db")
    for verb in (["check"], ["backup", "b.db"]):
        assert office(*verb).code == 1
    assert not (tmp_path / "none.db").exists() and not (tmp_path / "b.db").exists()


@pytest.mark.postgres
def test_no_password_is_seen_in_the_list_of_processes(
    desk: Desk, postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(desk, "").move(Postgres(lambda: postgres).url())
    office.fill()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pg_dump").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/argv\nexit 1\n')
    (tools / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    assert office("backup", "b.db").code == 1
    assert postgres.password not in (tmp_path / "argv").read_text()
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = office("backup", "b.db")
    assert answer.code == 1 and "pg_dump is not installed" in answer.err


RESTORE = """
import sys
print("ready", flush=True)
sys.exit(invoke(["db", "restore", "b.db", "--force"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.3, 0.6, 0.9, 1.2])
def test_a_restore_that_is_killed_leaves_the_old_or_the_new(
    office: Office, tmp_path: Path, delay: float
) -> None:
    office.fill(2000)
    assert office("backup", "b.db").code == 0
    with office.store() as store:
        put(store, 1, box="web")
    with subprocess.Popen([sys.executable, "-c", RESTORE], cwd=tmp_path, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        threading.Event().wait(delay)
        child.kill()
    answer = office("check", "--json")
    assert answer.json["problems"] == []
    assert answer.json["rows"]["runs"] in (2000, 2001)
