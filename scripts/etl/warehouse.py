"""Where the jobs find their files, and the warehouse that they share: an SQLite file on the data volume.

`DATA_DIR` and `SCRIPTS_DIR` stand in for /data and /scripts outside a box.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATA = Path(os.environ.get("DATA_DIR", "/data"))
SCRIPTS = Path(os.environ.get("SCRIPTS_DIR", "/scripts"))

SOURCE = SCRIPTS / "orders"
LEDGER = SCRIPTS / "ledger.csv"
STAGING = DATA / "staging"
REPORTS = DATA / "reports"
BACKUPS = DATA / "backups"
WAREHOUSE = DATA / "warehouse.db"

SCHEMA = """
CREATE TABLE IF NOT EXISTS loads (
    file        TEXT PRIMARY KEY,
    sha256      TEXT NOT NULL,
    rows_read   INTEGER NOT NULL,
    rows_loaded INTEGER NOT NULL,
    loaded_at   TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    order_id         INTEGER PRIMARY KEY,
    placed_at        TEXT NOT NULL,
    customer         TEXT NOT NULL CHECK (customer <> ''),
    sku              TEXT NOT NULL CHECK (sku <> ''),
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    currency         TEXT NOT NULL,
    country          TEXT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('paid', 'shipped', 'cancelled', 'refunded')),
    file             TEXT NOT NULL REFERENCES loads (file)
) STRICT;

CREATE INDEX IF NOT EXISTS orders_by_day ON orders (substr(placed_at, 1, 10));

CREATE TABLE IF NOT EXISTS rejects (
    file   TEXT NOT NULL REFERENCES loads (file),
    line   INTEGER NOT NULL,
    reason TEXT NOT NULL,
    row    TEXT NOT NULL,
    PRIMARY KEY (file, line)
) STRICT;

CREATE VIEW IF NOT EXISTS sales AS
    SELECT substr(placed_at, 1, 10) AS day, order_id, sku, quantity, currency, country,
           quantity * unit_price_cents AS cents
      FROM orders WHERE status IN ('paid', 'shipped');
"""


@contextmanager
def open_warehouse() -> Iterator[sqlite3.Connection]:
    """A connection that commits nothing by itself; made with its tables if it is not there yet."""
    connection = sqlite3.connect(WAREHOUSE, timeout=20, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(SCHEMA)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(warehouse: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing of it. Waits for another writer instead of failing halfway."""
    warehouse.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        warehouse.execute("ROLLBACK")
        raise
    warehouse.execute("COMMIT")


def write_atomically(path: Path, content: bytes) -> None:
    """A reader sees the whole old file or the whole new one, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def money(cents: int) -> str:
    """`12,345.60` for 1234560."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
