"""Opening the database, and its schema."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Text, inspect, text
from sqlmodel import SQLModel
from zstandard import ZstdCompressor

from cronbox.errors import StoreError
from cronbox.model.run import Status
from cronbox.store import Store, outputs, runs, schema
from cronbox.store.database import Transaction
from cronbox.store.outputs import OutputBatch
from cronbox.store.statement import micros
from tests.databases import Databases, opened

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = ("failed", 7, ["40 rows"], 9, "bad line", ["maintenance"], ["silence"])


def test_the_migrations_lead_to_exactly_the_tables_of_the_models(store: Store):
    with store.transaction() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_folder_of_the_file_is_made(tmp_path: Path):
    Store.open(f"sqlite:///{tmp_path}/new/folder/cronbox.db").close()
    assert (tmp_path / "new/folder/cronbox.db").exists()


def test_an_upgrade_that_has_nothing_to_do_changes_nothing(store: Store):
    store.set_problem("etl", "bad line")
    store.upgrade()
    assert store.revision() == schema.head()
    assert store.box_state("etl").problem == "bad line"


def test_several_may_upgrade_at_once(databases: Databases):
    url = databases.url()

    def upgrade(_: int) -> str | None:
        store = opened(url)
        revision = store.revision()
        store.close()
        return revision

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(upgrade, range(4))) == {schema.head()}


def test_the_file_of_a_first_cronbox_is_brought_up_to_date_and_keeps_its_runs(tmp_path: Path):
    with sqlite3.connect(tmp_path / "cronbox.db", isolation_level=None) as db:
        for statement in (Path(__file__).parent / "schema_0001.sql").read_text().split(";\n"):
            db.execute(statement)
    db.close()
    store = opened(f"sqlite:///{tmp_path}/cronbox.db")
    store.check()
    run = store.run("r1")
    assert (run.status, run.exit_code, run.at.year) == (Status.FAILED, 7, 2026)
    assert (run.origin, run.env, run.args, run.result) == (None, None, None, None)
    assert [line.text for line in store.output("r1")] == ["40 rows"]
    store.close()


@pytest.mark.parametrize("revision", schema.revisions())
def test_a_database_of_any_earlier_schema_is_brought_up_to_date_and_keeps_every_row(
    databases: Databases, revision: str
):
    store = Store.open(databases.url())
    with store.transaction() as tx:
        schema.upgrade(tx, to=revision)
        fill(tx)
        before = everything(tx)
    assert set(before) == tables_of(revision), "a table that stands empty proves nothing"
    assert store.revision() == revision
    store.upgrade()
    store.check()
    assert facts(store) == FACTS
    with store.transaction() as tx:
        assert kept(before, everything(tx)) == before
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        runs.add(tx, [replace(store.run("r1"), id="r2", occurrence=1)])
        outputs.add(tx, "etl", [OutputBatch("r2", "load", NOON, [[0, "out", "more"]])])
    assert [line.text for line in store.box_output("etl")] == ["40 rows", "more"]
    store.close()


UPGRADE = """
import sys
from tests.databases import opened
print("ready", flush=True)
opened(sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("delay", "revision"),
    list(zip([0.0, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5], cycle(schema.revisions()[:-1]), strict=False)),
)
def test_an_upgrade_that_is_killed_leaves_a_whole_database_that_the_next_one_brings_up_to_date(
    databases: Databases, delay: float, revision: str
):
    url = databases.url()
    store = Store.open(url)
    with store.transaction() as tx:
        schema.upgrade(tx, to=revision)
        fill(tx)
        before = everything(tx)
        many(tx, 20_000)
    with subprocess.Popen([sys.executable, "-c", UPGRADE, url], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        threading.Event().wait(delay)
        child.kill()
    assert store.revision() in (revision, schema.head())
    store.upgrade()
    with store.reading() as tx:
        after = everything(tx)
    after["run"] = [run for run in after["run"] if run["job"] != "many"]
    assert kept(before, after) == before
    assert store.examine().problems == ()
    assert store.examine().rows["runs"] == 20_001
    assert facts(store) == FACTS
    store.close()


def many(tx: Transaction, number: int) -> None:
    """More runs, so that an upgrade takes its time."""
    tx.execute(
        text(
            'INSERT INTO run (id, box, job, "trigger", status, at, occurrence, attempt, output_bytes,'
            " dropped_bytes) VALUES (:id, 'etl', 'many', 'manual', 'succeeded', 1, 0, 1, 0, 0)"
        ),
        [{"id": f"many-{n}"} for n in range(number)],
    )


Rows = dict[str, list[dict[str, object]]]


def tables_of(revision: str) -> set[str]:
    number = schema.revisions().index(revision)
    return {table for since, tables in enumerate(TABLES) if since <= number for table in tables}


TABLES = (
    ("run", "output", "cursor", "box", "pause", "incident"),
    (),
    ("bundle", "schedule", "condition"),
    ("target", "standing", "outbox"),
    ("lease",),
    ("output_size",),
)
"""What each revision brought."""


def everything(tx: Transaction) -> Rows:
    """Every row of every table there is, but the revision itself; tables without a row are left out."""
    names = set(inspect(tx).get_table_names()) - {"alembic_version"}
    found: Rows = {}
    for name in sorted(names):
        rows = [dict(row._mapping) for row in tx.execute(text(f'SELECT * FROM "{name}"'))]
        if rows:
            found[name] = sorted(rows, key=repr)
    return found


def kept(before: Rows, after: Rows) -> Rows:
    """Of what there is afterwards, the tables and columns that were there before."""
    return {
        name: sorted(({key: row[key] for key in rows[0]} for row in after.get(name, [])), key=repr)
        for name, rows in before.items()
    }


def fill(tx: Transaction) -> None:
    """A row in each table that the schema has, with something in each column that is of this schema."""
    for table in SQLModel.metadata.sorted_tables:
        if inspect(tx).has_table(table.name):
            insert(tx, table.name, **row_of(tx, table.name))
    if tx.dialect.name == "postgresql":
        for table in ("run", "output"):
            tx.exec_driver_sql(f"SELECT setval('{table}_pk_seq', 1)")


def row_of(tx: Transaction, table: str) -> dict[str, object]:
    """What we know of a row in KNOWN, and in every other column the like of it."""
    columns = inspect(tx).get_columns(table)
    lines = ZstdCompressor().compress(outputs.packed([[0, "out", "40 rows"]]))
    known: dict[str, object] = {**KNOWN.get(table, {}), **({"lines": lines} if table == "output" else {})}
    assert known.keys() <= {str(column["name"]) for column in columns}
    return {str(column["name"]): known.get(str(column["name"]), like(column)) for column in columns}


def like(column: Any) -> object:
    if column["name"] in ("env", "args", "result", "jobs", "rule"):
        return {"args": "[]", "jobs": "[]"}.get(column["name"], "{}")
    return f"some {column['name']}" if isinstance(column["type"], Text) else 1


KNOWN: dict[str, dict[str, object]] = {
    "run": {
        **{"id": "r1", "box": "etl", "job": "load", "trigger": "cron", "status": "failed", "exit_code": 7},
        **{"at": micros(NOON), "scheduled_for": micros(NOON), "started_at": micros(NOON), "occurrence": 0},
    },
    "output": {"run": 1, "box": "etl", "job": "load", "at": micros(NOON)},
    "output_size": {"box": "etl"},
    "cursor": {"box": "etl", "log_id": "log", "seq": 9, "ingested_at": micros(NOON)},
    "box": {"name": "etl", "problem": "bad line"},
    "pause": {"box": "etl", "job": "", "since": micros(NOON), "until": None, "why": "maintenance"},
    "incident": {"box": "etl", "at": micros(NOON), "kind": "silence"},
}


def insert(tx: Transaction, table: str, **values: object) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    tx.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({places})'), values)


def facts(store: Store) -> tuple[object, ...]:
    run, cursor = store.run("r1"), store.cursor("etl")
    assert cursor is not None
    return (
        run.status,
        run.exit_code,
        [line.text for line in store.output("r1")],
        cursor.seq,
        store.box_state("etl").problem,
        [pause.why for pause in store.pauses()],
        [incident.kind for incident in store.incidents("etl")],
    )


def test_a_database_of_a_newer_cronbox_is_refused(databases: Databases):
    url = databases.url()
    newer = opened(url)
    with newer.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(StoreError) as refused:
        Store.open(url)
    assert "9999" in refused.value.message and refused.value.hint


def test_a_url_that_names_no_database_is_refused():
    unreadable = ("nonsense", "postgresql//u:secret@h/x", "postgresql://u:secret@h:5x/x")
    for url in (*unreadable, "oracle9://x", "mysql://u:secret@h/x", "sqlite:////proc/none/x.db"):
        with pytest.raises(StoreError) as refused:
            Store.open(url)
        assert "secret" not in refused.value.message


def test_a_database_file_is_its_owners_alone_and_so_are_the_files_beside_it(tmp_path: Path):
    store = Store.open(f"sqlite:///{tmp_path}/cronbox.db")
    store.upgrade()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["cronbox.db", "cronbox.db-shm", "cronbox.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "cronbox.db").write_bytes(b"no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StoreError) as refused:
        Store.open(f"sqlite:///{tmp_path}/cronbox.db")
    assert "db restore" in refused.value.hint


def test_a_check_finds_an_outdated_schema(databases: Databases):
    empty = Store.open(databases.url())
    with pytest.raises(StoreError) as found:
        empty.check()
    empty.close()
    assert "upgrade" in found.value.hint


def test_a_sound_database_passes_its_check(store: Store):
    store.check()
