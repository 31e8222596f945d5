"""Kubernetes' quantities: `500m` of a processor, `128Mi` of memory."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_QUANTITY = re.compile(
    r"([0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,2})?",
    re.ASCII,
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse_quantity(text: str) -> Decimal | None:
    """The number that a quantity is, or None where it is none."""
    found = _QUANTITY.fullmatch(text.strip())
    if not found:
        return None
    try:
        number, suffix = Decimal(found[1]), found[2] or ""
        if suffix in _BINARY:
            return number * Decimal(1024) ** _BINARY[suffix]
        return number * Decimal(f"1e{_DECIMAL[suffix]}" if suffix in _DECIMAL else f"1{suffix}")
    except InvalidOperation:
        return None
