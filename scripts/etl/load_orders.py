"""Load what is staged into the warehouse: good rows as orders, the others as rejects with a reason.

One file is one transaction, so a job that is killed leaves no half a day. A file that was loaded before
and has not changed is passed over. An order that comes again in a later file takes that file's values.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
import sys
from collections import Counter
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from order import BadRow, Order, check
from result import tell
from warehouse import STAGING, open_warehouse, transaction

UPSERT_LOAD = """
INSERT INTO loads VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (file) DO UPDATE SET
       sha256 = excluded.sha256, rows_read = excluded.rows_read,
       rows_loaded = excluded.rows_loaded, loaded_at = excluded.loaded_at
"""
UPSERT_ORDER = """
INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (order_id) DO UPDATE SET
       placed_at = excluded.placed_at, customer = excluded.customer, sku = excluded.sku,
       quantity = excluded.quantity, unit_price_cents = excluded.unit_price_cents,
       currency = excluded.currency, country = excluded.country, status = excluded.status,
       file = excluded.file
    WHERE excluded.file >= orders.file
"""
"""The names of the files sort by day; a file that is loaded late must not undo what a later day said."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not loaded: its line in the file, from 1, why, and what it said."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class DayFile:
    """A staged file, judged."""

    name: str
    sha256: str
    orders: list[Order] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.orders) + len(self.rejects)


def judge(name: str, content: bytes) -> DayFile:
    """Check every row. Of an order that stands twice in one file the first counts."""
    day = DayFile(name, hashlib.sha256(content).hexdigest())
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    next(rows, None)
    seen: set[int] = set()
    for row in rows:
        try:
            order = check(row)
            if order.order_id in seen:
                raise BadRow("duplicate order_id")
        except BadRow as fault:
            day.rejects.append(Reject(rows.line_num, str(fault), ",".join(row)))
        else:
            seen.add(order.order_id)
            day.orders.append(order)
    return day


def store(warehouse: sqlite3.Connection, day: DayFile) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with transaction(warehouse):
        warehouse.execute("DELETE FROM rejects WHERE file = ?", (day.name,))
        warehouse.execute(UPSERT_LOAD, (day.name, day.sha256, day.rows, len(day.orders), now))
        warehouse.executemany(UPSERT_ORDER, [(*astuple(order), day.name) for order in day.orders])
        warehouse.executemany(
            "INSERT INTO rejects VALUES (?, ?, ?, ?)",
            [(day.name, *astuple(reject)) for reject in day.rejects],
        )


def fresh_files(warehouse: sqlite3.Connection) -> list[tuple[Path, bytes]]:
    """Staged files that are new or changed since they were loaded, oldest day first."""
    loaded = dict(warehouse.execute("SELECT file, sha256 FROM loads").fetchall())
    staged = [(path, path.read_bytes()) for path in sorted(STAGING.glob("orders-*.csv"))]
    return [
        (path, body) for path, body in staged if loaded.get(path.name) != hashlib.sha256(body).hexdigest()
    ]


def main() -> None:
    rejected: Counter[str] = Counter()
    loaded = 0
    with open_warehouse() as warehouse:
        files = fresh_files(warehouse)
        for path, content in files:
            day = judge(path.name, content)
            store(warehouse, day)
            print(f"{day.name}: {day.rows} rows read, {len(day.orders)} loaded, {len(day.rejects)} rejected")
            loaded += len(day.orders)
            rejected.update(reject.reason for reject in day.rejects)
        total = warehouse.execute("SELECT count(*) FROM orders").fetchone()[0]
    for reason, count in sorted(rejected.items()):
        print(f"rejected {count}: {reason}", file=sys.stderr)
    print(f"{len(files)} files, {loaded} rows loaded, {rejected.total()} rejected; {total} orders in all")
    tell(files=len(files), rows_loaded=loaded, rows_rejected=rejected.total(), orders=total)


if __name__ == "__main__":
    main()
