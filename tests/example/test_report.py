"""report.py, reconcile.py, query.py and backup.py, on what is loaded."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from tests.example.box import SCRIPTS, Box
from tests.example.shipped import expected

pytestmark = pytest.mark.slow

LAST_DAY = "2026-10-31"


def revenue_in(report: str) -> dict[str, Decimal]:
    """The revenue column of a report, by currency."""
    section = report.split("## Revenue")[1].split("##")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    return {row[0]: Decimal(row[3].replace(",", "")) for row in cells[2:]}


def test_the_report_is_of_the_last_day_and_agrees_with_the_files(loaded: Box) -> None:
    done = loaded.run("report.py", REPORT_TITLE="Pots")
    report = (loaded.data / "reports" / f"orders-{LAST_DAY}.md").read_text()
    assert done.returncode == 0
    assert report.startswith(f"# Pots, {LAST_DAY}\n")
    assert revenue_in(report) == expected().revenue(LAST_DAY) != {}


def test_a_report_can_be_had_of_any_day(loaded: Box) -> None:
    loaded.run("report.py", "2026-10-03")
    report = (loaded.data / "reports" / "orders-2026-10-03.md").read_text()
    assert revenue_in(report) == expected().revenue("2026-10-03") != {}


def test_the_summary_counts_the_orders_of_the_day(loaded: Box) -> None:
    orders = [row for row in expected().orders.values() if row["placed_at"].startswith(LAST_DAY)]
    assert loaded.run("report.py").stdout.startswith(f"{LAST_DAY}: {len(orders)} orders, ")


def test_a_report_on_an_empty_warehouse_says_what_to_do(box: Box) -> None:
    done = box.run("report.py")
    assert (done.returncode, done.stderr) == (1, "the warehouse has no orders yet: run load-orders first\n")


def test_the_ledger_is_off_on_one_day_and_the_job_ends_with_3_and_a_traceback(loaded: Box) -> None:
    done = loaded.run("reconcile.py")
    assert done.returncode == 3
    assert done.stdout == "124 totals compared, 1 differ\n"
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("LedgerMismatch: 2026-10-17 EUR: ledger ")
    assert last.endswith("off by 129.90")


def test_the_ledger_agrees_with_the_files_on_every_other_day() -> None:
    with (SCRIPTS / "ledger.csv").open(newline="") as file:
        booked = {(row["day"], row["currency"]): Decimal(row["amount"]) for row in csv.DictReader(file)}
    days = {day for day, _ in booked}
    sold = {(day, currency): amount for day in days for currency, amount in expected().revenue(day).items()}
    assert {key: booked[key] - sold[key] for key in booked if booked[key] != sold[key]} == {
        ("2026-10-17", "EUR"): Decimal("129.90")
    }


def test_reconciling_an_empty_warehouse_fails_the_same_way(box: Box) -> None:
    done = box.run("reconcile.py")
    assert (done.returncode, done.stdout) == (3, "124 totals compared, 124 differ\n")
    assert done.stderr.endswith("and 121 more\n")


def test_a_ledger_that_is_right_ends_with_0(loaded: Box, box: Box) -> None:
    rows = loaded.rows("SELECT day, currency, sum(cents) / 100.0 FROM sales GROUP BY day, currency")
    ledger = "day,currency,amount\n" + "".join(
        f"{day},{currency},{amount:.2f}\n" for day, currency, amount in rows
    )
    (box.data / "ledger.csv").write_text(ledger)
    done = Box(loaded.data, box.data).run("reconcile.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "124 totals compared, 0 differ\n", "")


def test_a_query_reads_its_sql_from_stdin(loaded: Box) -> None:
    done = loaded.run("query.py", stdin="SELECT 'all', count(*)\n  FROM orders\n")
    assert (done.returncode, done.stdout) == (0, f"all\t{len(expected().orders)}\n")


def test_a_query_can_change_nothing(loaded: Box) -> None:
    done = loaded.run("query.py", stdin="DELETE FROM orders")
    assert done.returncode == 1
    assert done.stderr.startswith("the warehouse refused the query: ")
    assert loaded.rows("SELECT count(*) FROM orders") == [(len(expected().orders),)]


def test_a_new_warehouse_passes_its_check(box: Box) -> None:
    assert box.run("query.py", stdin="PRAGMA integrity_check\n").stdout == "ok\n"


def test_a_backup_is_a_whole_copy_and_only_the_newest_seven_are_kept(box: Box) -> None:
    box.load()
    backups = box.data / "backups"
    backups.mkdir()
    for day in range(1, 9):
        (backups / f"warehouse-2026010{day}T042000Z.db").touch()
    assert box.run("backup.py").returncode == 0
    kept = sorted(path.name for path in backups.iterdir())
    assert [name[:18] for name in kept[:-1]] == [f"warehouse-2026010{day}" for day in range(3, 9)]
    with closing(sqlite3.connect(backups / kept[-1])) as copy:
        assert copy.execute("SELECT count(*) FROM orders").fetchone() == (len(expected().orders),)
