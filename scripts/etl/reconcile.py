"""Compare the warehouse with the ledger of the finance department, to the cent. Exit 3 if they differ.

The ledger shipped with this example is wrong on one day, so this job fails every time, as it should.
"""

from __future__ import annotations

import csv
import sqlite3
import sys
import traceback
from dataclasses import dataclass

from result import tell
from warehouse import LEDGER, money, open_warehouse

Key = tuple[str, str]
"""Day and currency."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A day and currency on which the two disagree. Amounts are cents."""

    day: str
    currency: str
    booked: int
    sold: int

    def __str__(self) -> str:
        amounts = f"ledger {money(self.booked)}, warehouse {money(self.sold)}"
        return f"{self.day} {self.currency}: {amounts}, off by {money(self.booked - self.sold)}"


class LedgerMismatch(Exception):
    """The ledger and the warehouse cannot both be right."""

    def __init__(self, differences: list[Difference]) -> None:
        shown = "; ".join(str(difference) for difference in differences[:3])
        more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
        super().__init__(f"{shown}{more}")


def booked() -> dict[Key, int]:
    with LEDGER.open(encoding="utf-8", newline="") as file:
        return {
            (row["day"], row["currency"]): int(row["amount"].replace(".", "")) for row in csv.DictReader(file)
        }


def sold(warehouse: sqlite3.Connection) -> dict[Key, int]:
    rows = warehouse.execute("SELECT day, currency, sum(cents) FROM sales GROUP BY day, currency")
    return {(day, currency): cents for day, currency, cents in rows}


def reconcile(ledger: dict[Key, int], sales: dict[Key, int]) -> None:
    """Raises LedgerMismatch with every day and currency that differs, also those only one side knows."""
    keys = sorted(ledger.keys() | sales.keys())
    pairs = [Difference(*key, ledger.get(key, 0), sales.get(key, 0)) for key in keys]
    differences = [pair for pair in pairs if pair.booked != pair.sold]
    print(f"{len(pairs)} totals compared, {len(differences)} differ")
    tell(totals=len(pairs), differ=len(differences))
    if differences:
        raise LedgerMismatch(differences)


def main() -> None:
    with open_warehouse() as warehouse:
        reconcile(booked(), sold(warehouse))


if __name__ == "__main__":
    try:
        main()
    except LedgerMismatch:
        traceback.print_exc()
        sys.exit(3)
