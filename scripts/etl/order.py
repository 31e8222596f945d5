"""What an order must look like to be let into the warehouse. No files, no database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

COLUMNS = (
    "order_id",
    "placed_at",
    "customer",
    "sku",
    "quantity",
    "unit_price",
    "currency",
    "country",
    "status",
)
CURRENCIES = frozenset({"EUR", "GBP", "USD", "CHF"})
STATUSES = frozenset({"paid", "shipped", "cancelled", "refunded"})
PRICE = re.compile(r"([0-9]{1,7})\.([0-9]{2})", re.ASCII)
COUNT = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
ORDER_ID = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


class BadRow(ValueError):
    """A row that must be rejected; its text is the reason, the same words for the same fault."""


@dataclass(frozen=True, slots=True)
class Order:
    """A checked order. The time is UTC, the price in hundredths of the currency."""

    order_id: int
    placed_at: str
    customer: str
    sku: str
    quantity: int
    unit_price_cents: int
    currency: str
    country: str
    status: str


def check(row: list[str]) -> Order:
    """One row of a staged file -> Order. Raises BadRow with the first fault found."""
    if len(row) != len(COLUMNS):
        raise BadRow("wrong number of columns")
    order_id, placed_at, customer, sku, quantity, unit_price, currency, country, status = row
    price = PRICE.fullmatch(unit_price)
    _require(ORDER_ID.fullmatch(order_id), "bad order_id")
    _require(_is_utc(placed_at), "bad placed_at")
    _require(customer, "missing customer")
    _require(sku, "missing sku")
    _require(COUNT.fullmatch(quantity), "bad quantity")
    _require(currency in CURRENCIES, "unknown currency")
    _require(status in STATUSES, "unknown status")
    if price is None:
        raise BadRow("bad unit_price")
    cents = int(price[1]) * 100 + int(price[2])
    return Order(int(order_id), placed_at, customer, sku, int(quantity), cents, currency, country, status)


def _require(fine: object, reason: str) -> None:
    if not fine:
        raise BadRow(reason)


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False
