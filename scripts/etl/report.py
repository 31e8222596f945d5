"""Write the report of one day from the warehouse, and print its summary.

    report.py [YYYY-MM-DD]        without a day: the last one that has orders

`REPORT_TITLE` in the environment heads the report.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence

from warehouse import REPORTS, money, open_warehouse, write_atomically

TITLE = os.environ.get("REPORT_TITLE", "Orders")

REVENUE = """
SELECT currency, count(*), sum(quantity), sum(cents) FROM sales
 WHERE day = ? GROUP BY currency ORDER BY currency
"""
STATUSES = """
SELECT status, count(*) FROM orders WHERE substr(placed_at, 1, 10) = ? GROUP BY status ORDER BY status
"""
BEST_SELLERS = """
SELECT sku, sum(quantity) FROM sales WHERE day = ? GROUP BY sku ORDER BY 2 DESC, sku LIMIT 5
"""
REJECTS = """
SELECT reason, count(*) FROM rejects WHERE file = 'orders-' || ? || '.csv' GROUP BY reason ORDER BY reason
"""


def last_day(warehouse: sqlite3.Connection) -> str | None:
    day: str | None = warehouse.execute("SELECT max(substr(placed_at, 1, 10)) FROM orders").fetchone()[0]
    return day


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A Markdown table; only the header if there are no rows."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(str(value) for value in row) + " |"


def report(warehouse: sqlite3.Connection, day: str) -> str:
    """The whole report as Markdown. Revenue counts what was paid or shipped, by the order's own day."""
    revenue = [
        (currency, orders, units, money(cents))
        for currency, orders, units, cents in warehouse.execute(REVENUE, (day,))
    ]
    lines = [f"# {TITLE}, {day}", "", "## Revenue", ""]
    lines += table(("currency", "orders", "units", "revenue"), revenue)
    lines += [
        "",
        "## Orders by status",
        "",
        *table(("status", "orders"), warehouse.execute(STATUSES, (day,))),
    ]
    lines += ["", "## Best sellers", "", *table(("sku", "units"), warehouse.execute(BEST_SELLERS, (day,)))]
    lines += ["", "## Rejected rows", "", *table(("reason", "rows"), warehouse.execute(REJECTS, (day,)))]
    return "\n".join(lines) + "\n"


def summary(warehouse: sqlite3.Connection, day: str) -> Iterator[str]:
    """A few lines for the job's output."""
    orders = sum(count for _, count in warehouse.execute(STATUSES, (day,)))
    rejected = sum(count for _, count in warehouse.execute(REJECTS, (day,)))
    yield f"{day}: {orders} orders, {rejected} rows rejected"
    for currency, sold, units, cents in warehouse.execute(REVENUE, (day,)):
        yield f"  {currency} {money(cents):>12}  from {sold} orders, {units} units"


def main(arguments: Sequence[str]) -> None:
    with open_warehouse() as warehouse:
        day = arguments[0] if arguments else last_day(warehouse)
        if day is None:
            raise SystemExit("the warehouse has no orders yet: run load-orders first")
        path = REPORTS / f"orders-{day}.md"
        write_atomically(path, report(warehouse, day).encode())
        print(*summary(warehouse, day), f"written to {path}", sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
