"""extract.py and load_orders.py: what gets in, what is turned away, and that once more changes nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.example.box import SCRIPTS, Box
from tests.example.shipped import expected

pytestmark = pytest.mark.slow

HEADER = "order_id,placed_at,customer,sku,quantity,unit_price,currency,country,status\n"
GOOD = "7,2026-10-01T08:00:00Z,C00001,MUG-BLUE,2,9.90,EUR,DE,paid\n"


def a_box(tmp_path: Path, **files: str) -> Box:
    """A box whose shop has exported these days: `d01="…"` is the file of 1 October, without its header."""
    orders = tmp_path / "scripts" / "orders"
    orders.mkdir(parents=True)
    for name, rows in files.items():
        (orders / f"orders-2026-10-{name[1:]}.csv").write_text(HEADER + rows)
    data = tmp_path / "data"
    data.mkdir()
    return Box(data, tmp_path / "scripts")


def test_the_numbers_of_a_load_are_on_record(tmp_path: Path) -> None:
    box, said = a_box(tmp_path, d01=GOOD + GOOD.replace("EUR", "XXX")), tmp_path / "said"
    box.run("extract.py", CRONBOX_RESULT=str(said))
    box.run("load_orders.py", CRONBOX_RESULT=str(said))
    assert said.read_text().split() == [
        *("files_staged=1", "files_refused=0"),
        *("files=1", "rows_loaded=1", "rows_rejected=1", "orders=1"),
    ]


def test_every_good_row_is_in_the_warehouse_in_its_last_state(loaded: Box) -> None:
    want = {
        (
            int(row["order_id"]),
            row["placed_at"],
            row["customer"],
            row["sku"],
            int(row["quantity"]),
            int(Decimal(row["unit_price"]) * 100),
            row["currency"],
            row["country"],
            row["status"],
        )
        for row in expected().orders.values()
    }
    columns = "order_id, placed_at, customer, sku, quantity, unit_price_cents, currency, country, status"
    assert len(want) > 9_000
    assert set(loaded.rows(f"SELECT {columns} FROM orders")) == want


def test_every_bad_row_is_kept_with_its_reason(loaded: Box) -> None:
    got = dict(loaded.rows("SELECT reason, count(*) FROM rejects GROUP BY reason"))
    assert got == expected().rejected
    assert len(got) == 6


def test_a_reject_names_its_line_in_the_file(loaded: Box) -> None:
    for file, line, row in loaded.rows("SELECT file, line, row FROM rejects"):
        assert (loaded.data / "staging" / file).read_text().splitlines()[line - 1] == row


def test_no_row_is_lost_between_the_file_and_the_books(loaded: Box) -> None:
    rows, kept = loaded.rows("SELECT sum(rows_read), sum(rows_loaded) FROM loads")[0]
    assert (rows, rows - kept) == (expected().rows, expected().rejected.total())


def test_the_load_tells_progress_on_stdout_and_rejects_on_stderr(box: Box) -> None:
    box.run("extract.py")
    done = box.run("load_orders.py")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        path.name for path in sorted((SCRIPTS / "orders").iterdir())
    ]
    told = Counter({reason: int(count) for count, reason in map(_rejected, done.stderr.splitlines())})
    assert told == expected().rejected
    assert lines[-1].endswith(f"{told.total()} rejected; {len(expected().orders)} orders in all")


def _rejected(line: str) -> tuple[str, str]:
    count, reason = line.removeprefix("rejected ").split(": ")
    return count, reason


def test_a_second_extract_and_load_find_nothing_to_do(box: Box) -> None:
    box.load()
    before = (box.data / "warehouse.db").read_bytes()
    staged = {path: path.stat().st_mtime_ns for path in (box.data / "staging").iterdir()}
    assert box.run("extract.py").stdout.endswith("0 files staged, 31 there already, 0 refused\n")
    assert box.run("load_orders.py").stdout.startswith("0 files, 0 rows loaded, 0 rejected")
    assert (box.data / "warehouse.db").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in (box.data / "staging").iterdir()} == staged


def test_a_load_without_anything_staged_succeeds(box: Box) -> None:
    done = box.run("load_orders.py")
    assert (done.returncode, done.stdout) == (0, "0 files, 0 rows loaded, 0 rejected; 0 orders in all\n")


def test_a_changed_day_is_staged_and_loaded_again(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01=GOOD, d02="").load()
    (box.scripts / "orders" / "orders-2026-10-01.csv").write_text(HEADER + GOOD.replace("paid", "cancelled"))
    box.load()
    assert box.rows("SELECT order_id, status FROM orders") == [(7, "cancelled")]


def test_a_corrected_day_clears_its_old_rejects(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01=GOOD.replace("9.90", "free")).load()
    assert box.rows("SELECT line, reason FROM rejects") == [(2, "bad unit_price")]
    (box.scripts / "orders" / "orders-2026-10-01.csv").write_text(HEADER + GOOD)
    box.load()
    assert box.rows("SELECT line, reason FROM rejects") == []


def test_an_earlier_day_loaded_late_does_not_undo_a_later_one(tmp_path: Path) -> None:
    box = a_box(tmp_path, d02=GOOD.replace("paid", "refunded")).load()
    (box.scripts / "orders" / "orders-2026-10-01.csv").write_text(HEADER + GOOD)
    box.load()
    assert box.rows("SELECT order_id, status FROM orders") == [(7, "refunded")]


def test_of_an_order_twice_in_one_file_the_first_counts(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01=GOOD + GOOD.replace("MUG-BLUE", "BOWL-MOSS")).load()
    assert box.rows("SELECT sku FROM orders") == [("MUG-BLUE",)]
    assert box.rows("SELECT line, reason FROM rejects") == [(3, "duplicate order_id")]


def test_blanks_line_ends_and_small_letters_are_put_right(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01=GOOD.replace("EUR,DE", " eur , de").replace("\n", "\r\n")).load()
    assert box.rows("SELECT currency, country FROM orders") == [("EUR", "DE")]


def test_a_short_row_is_a_reject_and_not_an_error(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01="7,2026-10-01T08:00:00Z\n").load()
    assert box.rows("SELECT reason, row FROM rejects") == [
        ("wrong number of columns", "7,2026-10-01T08:00:00Z")
    ]


def test_a_file_that_holds_no_orders_fails_the_extract_and_stops_no_other(tmp_path: Path) -> None:
    box = a_box(tmp_path, d01=GOOD, d03=GOOD)
    (box.scripts / "orders" / "orders-2026-10-02.csv").write_text("<html>login first</html>\n")
    done = box.run("extract.py")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "orders-2026-10-02.csv: not staged, its columns are <html>login first</html>"
    )
    assert sorted(path.name for path in (box.data / "staging").iterdir()) == [
        "orders-2026-10-01.csv",
        "orders-2026-10-03.csv",
    ]


def test_nothing_is_written_beside_the_scripts(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(scripts.rglob("*"))
    data = tmp_path / "data"
    data.mkdir()
    Box(data, scripts).load().run("report.py")
    assert sorted(scripts.rglob("*")) == before
