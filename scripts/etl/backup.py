"""Copy the warehouse as of now, while others may write to it, and keep the newest seven copies."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from result import tell
from warehouse import BACKUPS, open_warehouse

KEEP = 7


def main() -> None:
    BACKUPS.mkdir(parents=True, exist_ok=True)
    target = BACKUPS / f"warehouse-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
    unfinished = target.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with open_warehouse() as warehouse, closing(sqlite3.connect(unfinished)) as copy:
        warehouse.backup(copy)
    unfinished.replace(target)
    for old in sorted(BACKUPS.glob("warehouse-*.db"))[:-KEEP]:
        old.unlink()
        print(f"{old.name}: dropped")
    print(f"{target.name}: {target.stat().st_size:,} bytes")
    tell(bytes=target.stat().st_size)


if __name__ == "__main__":
    main()
