"""Write the example's data: a month of order files, and the ledger that they are reconciled with.

    python3 scripts/make_orders.py [FOLDER]        FOLDER is scripts/etl unless named

The same bytes come out at every run: the seed is fixed, and nothing but `Random.random()` is drawn, the one
sequence that the library promises to keep between Python versions. Some rows are wrong on purpose
(`SPOILS`), some are untidy, and some orders come again in a later file with their new status, as in a
shop's export.
"""

from __future__ import annotations

import csv
import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

T = TypeVar("T")

SEED = 20261001
FIRST_DAY = date(2026, 10, 1)
DAYS = 31
FIRST_ORDER = 480_001
CURRENCIES = {"DE": "EUR", "FR": "EUR", "NL": "EUR", "AT": "EUR", "GB": "GBP", "US": "USD", "CH": "CHF"}
BUYERS = ("DE",) * 6 + ("FR",) * 4 + ("GB",) * 4 + ("NL",) * 3 + ("US",) * 3 + ("AT",) * 2 + ("CH",)
PRODUCTS = {"MUG": 990, "BOWL": 1450, "PLATE": 1275, "TEAPOT": 4900, "JUG": 2890, "VASE": 3650, "TRAY": 2200}
GLAZES = ("WHITE", "BLUE", "OCHRE", "MOSS", "BLACK")
STATUSES = ("paid",) * 7 + ("shipped",) * 12 + ("cancelled",)
LEDGER_SLIP = ("2026-10-17", "EUR", 12_990)
"""Day, currency and cents by which the ledger is wrong: what `reconcile.py` is there to find."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an export, in the order of its columns. Prices are text with two decimals."""

    order_id: str
    placed_at: str
    customer: str
    sku: str
    quantity: str
    unit_price: str
    currency: str
    country: str
    status: str

    @property
    def cents(self) -> int:
        return int(self.quantity) * int(self.unit_price.replace(".", ""))


SPOILS: tuple[Callable[[Row], Row], ...] = (
    lambda row: replace(row, quantity="0"),
    lambda row: replace(row, quantity="-2"),
    lambda row: replace(row, quantity="two"),
    lambda row: replace(row, currency="XXX"),
    lambda row: replace(row, currency=""),
    lambda row: replace(row, customer=""),
    lambda row: replace(row, unit_price="n/a"),
    lambda row: replace(row, placed_at=row.placed_at[:10] + " 25:61"),
)
"""Each makes a good row one that must be rejected."""


class Shop:
    """Draws the orders of one day after the other. `book` has every good order in its latest state."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.next_id = FIRST_ORDER
        self.book: dict[str, Row] = {}

    def export(self, day: date) -> list[Row]:
        """The day's file: its orders, news of earlier ones, and what went wrong."""
        news = list(self._news(day))
        orders = [self._order(moment) for moment in self._moments(day)]
        spoilt = {row.order_id: self._pick(SPOILS)(row) for row in orders if self.random.random() < 0.006}
        good = [row for row in orders if row.order_id not in spoilt]
        twice = [self._pick(good)] if self.random.random() < 0.6 else []
        self.book |= {row.order_id: row for row in [*good, *news]}
        rows = [spoilt.get(row.order_id, row) for row in orders]
        return [self._untidy(row) for row in [*rows, *news, *twice]]

    def _moments(self, day: date) -> list[datetime]:
        """When orders come in: fewest at night, a third fewer at weekends."""
        count = self._between(220, 250) if day.weekday() >= 5 else self._between(340, 375)
        midnight = datetime.combine(day, time())
        seconds = [int((self.random.random() + self.random.random()) / 2 * 86_400) for _ in range(count)]
        return [midnight + timedelta(seconds=second) for second in sorted(seconds)]

    def _order(self, moment: datetime) -> Row:
        product = self._pick(tuple(PRODUCTS))
        country = self._pick(BUYERS)
        cents = PRODUCTS[product] + self._between(0, 4) * 50
        row = Row(
            order_id=str(self.next_id),
            placed_at=f"{moment.isoformat()}Z",
            customer=f"C{self._between(1, 2400):05d}",
            sku=f"{product}-{self._pick(GLAZES)}",
            quantity=str(self._pick((1, 1, 1, 2, 2, 3, 4, 6))),
            unit_price=f"{cents // 100}.{cents % 100:02d}",
            currency=CURRENCIES[country],
            country=country,
            status=self._pick(STATUSES),
        )
        self.next_id += 1
        return row

    def _news(self, day: date) -> Iterator[Row]:
        """Orders of the two days before that were sent or refunded since."""
        recent = [row for row in self.book.values() if row.placed_at >= (day - timedelta(days=2)).isoformat()]
        for row in recent:
            if row.status == "paid" and self.random.random() < 0.05:
                yield replace(row, status=self._pick(("shipped", "shipped", "refunded")))

    def _untidy(self, row: Row) -> Row:
        """The same row, sometimes in the way a careless system writes it; the meaning stays."""
        if self.random.random() > 0.02:
            return row
        return replace(
            row, customer=f" {row.customer} " if row.customer else "", currency=row.currency.lower()
        )

    def _between(self, low: int, high: int) -> int:
        return low + int(self.random.random() * (high - low + 1))

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.random.random() * len(choices))]


def ledger(book: dict[str, Row]) -> list[tuple[str, str, str]]:
    """(day, currency, amount) that finance booked: all that was paid and kept, but for one slip."""
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for row in book.values():
        if row.status in ("paid", "shipped"):
            totals[row.placed_at[:10], row.currency] += row.cents
    day, currency, slip = LEDGER_SLIP
    totals[day, currency] += slip
    return [(*key, f"{cents // 100}.{cents % 100:02d}") for key, cents in sorted(totals.items())]


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_bytes(text.getvalue().encode())


def main(folder: Path) -> None:
    orders = folder / "orders"
    orders.mkdir(parents=True, exist_ok=True)
    shop = Shop(SEED)
    columns = [field.name for field in fields(Row)]
    for day in (FIRST_DAY + timedelta(days=offset) for offset in range(DAYS)):
        write_csv(orders / f"orders-{day}.csv", columns, [astuple(row) for row in shop.export(day)])
    write_csv(folder / "ledger.csv", ("day", "currency", "amount"), ledger(shop.book))
    print(f"{DAYS} files in {orders}, {len(shop.book)} good orders")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "etl")
