"""What a job says about itself: `key=value` lines that it writes to the file named in CRONBOX_RESULT.

The agent reads the file at the run's end (`agent/result.py`), with the same limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_KEYS = 64
LONGEST_VALUE = 1000
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def result_of(raw: Any) -> dict[str, str] | None:
    """The `result` of a `finished` event. Raises ValueError for what no agent of ours would have let pass."""
    if raw is None:
        return None
    if not isinstance(raw, dict) or len(raw) > MOST_KEYS:
        raise ValueError(f"result is no object of at most {MOST_KEYS} keys")
    for name, value in raw.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"result: {name[:80]!r} is not a name")
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise ValueError(f"result: the value of {name} is no text of at most {LONGEST_VALUE} characters")
    return raw


def number_in(value: str) -> float | None:
    """The finite number that a value is, as decimal digits write it; None for anything else."""
    if not NUMBER.fullmatch(value.strip()):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def numbers_in(result: Mapping[str, str]) -> dict[str, float]:
    """The values of a result that are numbers."""
    found = ((name, number_in(value)) for name, value in result.items())
    return {name: number for name, number in found if number is not None}
