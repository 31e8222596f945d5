"""What the shipped order files come to, worked out from the files alone, in another way than the jobs do."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "scripts" / "etl" / "orders"


@dataclass
class Expected:
    """Orders by id in their last state, and how many rows must be rejected for what."""

    rows: int = 0
    orders: dict[str, dict[str, str]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)

    def revenue(self, day: str) -> dict[str, Decimal]:
        """What was paid or shipped of a day's orders, by currency."""
        total: dict[str, Decimal] = {}
        for order in self.orders.values():
            if order["placed_at"].startswith(day) and order["status"] in ("paid", "shipped"):
                amount = int(order["quantity"]) * Decimal(order["unit_price"])
                total[order["currency"]] = total.get(order["currency"], Decimal(0)) + amount
        return total


@cache
def expected() -> Expected:
    found = Expected()
    for path in sorted(SHIPPED.glob("*.csv")):
        ids: set[str] = set()
        with path.open(newline="") as file:
            for raw in csv.DictReader(file):
                row = {name: value.strip() for name, value in raw.items()} | {
                    "currency": raw["currency"].upper()
                }
                found.rows += 1
                if reason := fault(row, ids):
                    found.rejected[reason] += 1
                else:
                    ids.add(row["order_id"])
                    found.orders[row["order_id"]] = row
    return found


def fault(row: dict[str, str], ids: set[str]) -> str | None:
    if row["placed_at"].endswith("25:61"):
        return "bad placed_at"
    if not row["customer"]:
        return "missing customer"
    if not row["quantity"].isdigit() or int(row["quantity"]) == 0:
        return "bad quantity"
    if row["currency"] not in ("EUR", "GBP", "USD", "CHF"):
        return "unknown currency"
    try:
        Decimal(row["unit_price"])
    except InvalidOperation:
        return "bad unit_price"
    return "duplicate order_id" if row["order_id"] in ids else None
