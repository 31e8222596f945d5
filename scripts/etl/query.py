"""Answer the SQL on stdin from the warehouse: one row a line, tabs between values. It can change nothing."""

from __future__ import annotations

import sqlite3
import sys

from warehouse import open_warehouse


def main() -> None:
    with open_warehouse() as warehouse:
        warehouse.execute("PRAGMA query_only = ON")
        try:
            rows = warehouse.execute(sys.stdin.read()).fetchall()
        except sqlite3.Error as error:
            raise SystemExit(f"the warehouse refused the query: {error}") from None
    for row in rows:
        print(*row, sep="\t")


if __name__ == "__main__":
    main()
