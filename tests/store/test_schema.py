"""Opening the database, and its schema."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from cronbox.errors import StoreError
from cronbox.model.run import Status
from cronbox.store import Store, schema


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


def test_several_may_upgrade_at_once(tmp_path: Path):
    def upgrade(_: int) -> str | None:
        store = Store.open(f"sqlite:///{tmp_path}/cronbox.db")
        store.upgrade()
        revision = store.revision()
        store.close()
        return revision

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(upgrade, range(4))) == {schema.head()}


def test_a_database_with_runs_is_brought_up_to_date_and_keeps_them(tmp_path: Path):
    with sqlite3.connect(tmp_path / "cronbox.db", isolation_level=None) as db:
        for statement in (Path(__file__).parent / "schema_0001.sql").read_text().split(";\n"):
            db.execute(statement)
    db.close()
    store = Store.open(f"sqlite:///{tmp_path}/cronbox.db")
    store.upgrade()
    store.check()
    run = store.run("r1")
    assert (run.status, run.exit_code, run.at.year) == (Status.FAILED, 7, 2026)
    assert (run.origin, run.env, run.args, run.result) == (None, None, None, None)
    assert [line.text for line in store.output("r1")] == ["40 rows"]
    store.close()


def test_a_database_of_a_newer_cronbox_is_refused(tmp_path: Path, store: Store):
    with sqlite3.connect(tmp_path / "cronbox.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(StoreError) as refused:
        Store.open(f"sqlite:///{tmp_path}/cronbox.db")
    assert "9999" in refused.value.message and refused.value.hint


def test_a_url_that_names_no_database_is_refused():
    for url in ("nonsense", "oracle9://x", "sqlite:////proc/none/x.db"):
        with pytest.raises(StoreError):
            Store.open(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "cronbox.db").write_bytes(b"no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StoreError):
        Store.open(f"sqlite:///{tmp_path}/cronbox.db")


def test_a_check_finds_an_outdated_schema(tmp_path: Path):
    empty = Store.open(f"sqlite:///{tmp_path}/cronbox.db")
    with pytest.raises(StoreError) as found:
        empty.check()
    empty.close()
    assert "upgrade" in found.value.hint


def test_a_sound_database_passes_its_check(store: Store):
    store.check()
