"""What crontabs are made of, right, nearly right and odd: fields and environment lines, made by hypothesis.

`CRON_SEED` chooses which they are, `CRON_SAMPLES` multiplies how many.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SEED = int(os.environ.get("CRON_SEED", "20260329"))
SAMPLES = float(os.environ.get("CRON_SAMPLES", "1"))
T = TypeVar("T")


def some(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many examples (times SAMPLES), always the same ones for a seed."""
    found: list[T] = []

    @seed(SEED)
    @settings(
        max_examples=round(count * SAMPLES),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


# ------------------------------------------------------------------------------------------------ fields


@dataclass(frozen=True)
class Field:
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS = "sun mon tue wed thu fri sat"
MINUTE, HOUR, DAY = Field(0, 59), Field(0, 23), Field(1, 31)
MONTH, WEEKDAY = Field(1, 12, tuple(_MONTHS.split())), Field(0, 7, tuple(_WEEKDAYS.split()))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
STEPS = st.one_of(st.integers(1, 12), st.integers(1, 70))


@st.composite
def values(draw: st.DrawFn, field: Field) -> str:
    """A value as people write it: plain, with zeros before it, or by name."""
    number = draw(st.integers(field.low, field.high))
    index = number - field.low
    if index < len(field.names) and draw(st.booleans()):
        name = field.names[index]
        return draw(st.sampled_from([name, name.upper(), name.title()]))
    return draw(st.sampled_from([f"{number}"] * 4 + [f"{number:02}", f"{number:04}"]))


@st.composite
def elements(draw: st.DrawFn, field: Field) -> str:
    """One part of a list that cron takes, also a range that runs backwards."""
    first, last, step = draw(values(field)), draw(values(field)), draw(STEPS)
    return draw(
        st.sampled_from([first, first, "*", f"*/{step}", f"{first}-{last}", f"{first}-{last}/{step}"])
    )


@cache
def valid_fields(field: Field) -> list[str]:
    """Fields that cron takes, among them some that select nothing."""
    lists = st.lists(elements(field), min_size=1, max_size=5).map(",".join)
    return some(st.one_of(st.just("*"), elements(field), lists), 150)


_ODD_FIELDS = """\
60 24 32 13 8 0 00 000000000000 99 0000000000000000000000000000000000000001 2147483647 2147483648 4294967296 \
4294967301 9223372036854775807 18446744073709551621 -1 +1 1.5 0x5 ? L LW 15W 5L 5#2 MON#2 H H/15 R ~ 0~59 */ \
*/0 /5 1/5 mon/2 jan monday sept Thur SuN-mOn fri-mon 22-2 1- -5 1,, ,1 1,,2 , - / 1-5-7 1-10/2/3 */1.5 *foo \
*5 ** *-5 *,1 1,* 5x \
5;x '5' "5" (5) 5$ 5% 5\\ é \xa0 5\v5 5\r *\r */5\f 1-2147483647 */2147483647 */2147483648 \
1-5/2147483646 *=3 1=2 @ @5 """
_LONG_FIELDS = ["1" * 999, "1" * 1000, "0" * 999 + "1", "a" * 1200, ",".join(["7"] * 900)]


@cache
def odd_fields() -> list[str]:
    """Fields that cron refuses, or that do not mean what they seem to; also an empty one."""
    mixed = st.text(st.sampled_from("0123456789*/,-*/,-azAZ?#~%.=@\"'"), min_size=1, max_size=8)
    known = st.sampled_from(_ODD_FIELDS.split(" "))
    return some(st.one_of(known, known, mixed, mixed, st.sampled_from(_LONG_FIELDS)), 400)


# ------------------------------------------------------------------------------------- environment lines

_NAMES = ["A", "A", "PATH", "MAILTO", "SHELL", "'A B'", '"A"', "A-B.C", "5", "*", "@daily", "", "A B"]
_ODD_NAMES = ["export A", "'A", '"A=B"', "A'", "''", "'A\"", "é", "CRON_TZ"]
_EQUALS = ["=", "=", "=", "=", " = ", "= ", " =", "\t=\t", "", "==", "=\v", " =\r"]
_VALUES = ["b", "b c", "", " ", "$HOME", "#x", "é", "=", "b\r", "b\0", "\0", "\v", "b\v"]
_QUOTED = ['""', "''", '"b"', "'b'", "\"'b'\"", '"b" ', '"b" # no', "'b", "\"b'", 'b"c"', "b'", '"a\\"b"']
_ODDLY_QUOTED = ["'a' 'b'", '"trail  "', '"b"\r', '"b\0"', '"a\nb"']
_LONG_VALUES = ["v" * 995, "v" * 996, "v" * 997, f'"{"v" * 994}"', f'"{"v" * 995}"', f"'{'v' * 2000}'"]


@cache
def env_lines() -> list[str]:
    """Lines with `=`, of which cron takes about half for environment lines."""
    parts = (
        st.sampled_from(["", "", " ", "\t"]),
        st.sampled_from([*_NAMES, *_ODD_NAMES]),
        st.sampled_from(_EQUALS),
        st.sampled_from([*_VALUES, *_QUOTED, *_ODDLY_QUOTED, *_LONG_VALUES]),
    )
    return some(st.tuples(*parts).map("".join), 600)
