"""What the judge is asked about: expressions and files, right, nearly right and hostile.

hypothesis makes the words, fields and environment lines; a seeded chance puts thousands of files together from them,
which is a hundred times as fast. `CRON_SEED` chooses the seed of both, `CRON_SAMPLES` multiplies how much is made.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from random import Random
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


MINUTE, HOUR, DAY = Field(0, 59), Field(0, 23), Field(1, 31)
MONTH = Field(1, 12, tuple(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]))
WEEKDAY = Field(0, 7, tuple(["sun", "mon", "tue", "wed", "thu", "fri", "sat"]))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
ALIASES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
STEPS = st.one_of(st.integers(1, 12), st.integers(1, 70))


def _value(draw: st.DrawFn, field: Field, number: int) -> str:
    """A number as people write it: plain, with zeros before it, or by name."""
    index = number - field.low
    if index < len(field.names) and draw(st.booleans()):
        name = field.names[index]
        return draw(st.sampled_from([name, name.upper(), name.title()]))
    return draw(st.sampled_from([f"{number}"] * 4 + [f"{number:02}", f"{number:04}"]))


@st.composite
def element(draw: st.DrawFn, field: Field) -> str:
    """One part of a list that cron takes, also a range that runs backwards."""
    low = draw(st.integers(field.low, field.high))
    high = draw(st.integers(field.low, field.high))
    first, last = _value(draw, field, low), _value(draw, field, high)
    step = draw(STEPS)
    return draw(
        st.sampled_from([first, first, "*", f"*/{step}", f"{first}-{last}", f"{first}-{last}/{step}"])
    )


def valid_field(field: Field) -> st.SearchStrategy[str]:
    return st.one_of(
        st.just("*"),
        element(field),
        st.lists(element(field), min_size=1, max_size=5).map(",".join),
    )


ODD_VALUES = st.sampled_from(
    ["60", "24", "32", "13", "8", "0", "00", "000000000000", "99", "2147483647", "2147483648", "4294967296", "4294967301", "9223372036854775807", "18446744073709551621", "-1", "+1", "1.5", "0x5", "?", "L", "LW", "15W", "5L", "5#2", "MON#2", "H", "H/15", "R", "~", "0~59", "*", "*/", "*/0", "/5", "1/5", "mon/2", "jan", "monday", "sept", "Thur", "SuN-mOn", "fri-mon", "22-2", "1-", "-5", "1,,", ",1", "1,,2", ",", "-", "/", "1-5-7", "1-10/2/3", "*/1.5", "*foo", "*5", "**", "", "*-5", "*,1", "1,*", "5x", "5;x", "'5'", '"5"', "(5)", "5$", "5%", "5\\", "é", "\xa0", "5\x0b5", "5\r", "*\r", "*/5\x0c", "1-2147483647", "*/2147483647", "*/2147483648", "1-5/2147483646", "0000000000000000000000000000000000000001", "*=3", "1=2", "@", "@5"]
)
ODD_FIELDS = st.one_of(
    ODD_VALUES,
    st.text(st.sampled_from("0123456789*/,-*/,-azAZ?#~%.=@\"'"), min_size=1, max_size=8),
    st.sampled_from(["1" * 999, "1" * 1000, "0" * 999 + "1", "a" * 1200, ",".join(["7"] * 900)]),
)
BLANKS = [" "] * 12 + ["  ", "\t", " \t "]
ODD_ALIASES = ["@Daily", "@every_5m", "@", "@dailyx", "@daily*", "@REBOOT", "@every_minute", "@daily\x00", "@daily="]


@cache
def valid_fields(field: Field) -> list[str]:
    return some(valid_field(field), 150)


@cache
def odd_fields() -> list[str]:
    return some(ODD_FIELDS, 400)


def valid_times(chance: Random) -> str:
    if chance.random() < 0.1:
        return chance.choice([*ALIASES, "@reboot"])
    return _blanks(chance).join(chance.choice(valid_fields(field)) for field in FIELDS)


def nearly_valid_times(chance: Random) -> str:
    """Five fields of which one is odd: cron stops at the first mistake, so more would hide each other."""
    if chance.random() < 0.05:
        return chance.choice(ODD_ALIASES)
    fields = [chance.choice(valid_fields(field)) for field in FIELDS]
    where = chance.randrange(len(fields))
    odd, valid = chance.choice(odd_fields()), fields[where]
    fields[where] = chance.choice([odd, odd, valid + odd, odd + valid, f"1,{odd}"])
    return _blanks(chance).join(fields)


def times(chance: Random) -> str:
    return chance.choice([valid_times, nearly_valid_times, nearly_valid_times])(chance)


def _blanks(chance: Random) -> str:
    return chance.choice(BLANKS)


# ------------------------------------------------------------------------------------------------- lines

USERS = ["root"] * 8 + ["www-data", "daemon", "nosuch", "ROOT", "0", "root:root", "u" * 1001, ""]
COMMANDS = (
    ["true"] * 6
    + ["", " ", "  true", "true # no comment", "date +%F%in", r"a\%b\\c", "=", "A=b", "é", "true\r", "true\\"]
    + ["* * *", "true\0* * * * * root true", "x" * 998, "x" * 999, "é" * 499, "é" * 499 + "x"]
)


def entry(chance: Random, written_times: str) -> str:
    indent = chance.choice(["", "", "", " ", "\t ", "\v"])
    behind = chance.choice([" ", " ", " ", "\t", "  "])
    return f"{indent}{written_times}{_blanks(chance)}{chance.choice(USERS)}{behind}{chance.choice(COMMANDS)}"


NAMES = st.sampled_from(
    [
        "A",
        "A",
        "PATH",
        "MAILTO",
        "SHELL",
        "'A B'",
        '"A"',
        "A-B.C",
        "5",
        "*",
        "@daily",
        "",
        "A B",
        "export A",
        "'A",
    ]
    + ['"A=B"', "A'", "''", "'A\"", "é", "CRON_TZ"]
)
EQUALS = st.sampled_from(["="] * 4 + [" = ", "= ", " =", "\t=\t", "", "==", "=\v", " =\r"])
VALUES = st.sampled_from(
    [
        "b",
        "b c",
        "",
        " ",
        '""',
        "''",
        '"b"',
        "'b'",
        "\"'b'\"",
        '"b" ',
        '"b" # no',
        "'b",
        "\"b'",
        'b"c"',
        "b'",
        "$HOME",
    ]
    + [
        "#x",
        '"a\\"b"',
        "'a' 'b'",
        '"trail  "',
        "b\r",
        '"b"\r',
        "b\0",
        "\0",
        '"b\0"',
        "é",
        "=",
        '"a\nb"',
        "\v",
        "b\v",
    ]
    + ["v" * 995, "v" * 996, "v" * 997, '"' + "v" * 994 + '"', '"' + "v" * 995 + '"', "'" + "v" * 2000 + "'"]
)
ENV_LINES = st.tuples(st.sampled_from(["", "", " ", "\t"]), NAMES, EQUALS, VALUES).map("".join)
OTHER_LINES = [
    "",
    "",
    " \t ",
    "# note",
    "  # note",
    "#",
    "#\0",
    "\r",
    "\v",
    "stray text",
    "* * * * *",
    "* * * * * root",
    "\0",
] + [
    "* * *",
    "@daily",
    "@daily root",
    "@daily ",
    "\ufeff# note",
    "\ufeffA=b",
    "# " + "x" * 3000,
    "=",
    "'",
    "\\",
]


@cache
def env_lines() -> list[str]:
    return some(ENV_LINES, 600)


def line(chance: Random) -> str:
    match chance.randrange(6):
        case 0:
            return entry(chance, valid_times(chance))
        case 1 | 2:
            return entry(chance, nearly_valid_times(chance))
        case 3 | 4:
            return chance.choice(env_lines())
        case _:
            return chance.choice(OTHER_LINES)


# ------------------------------------------------------------------------------------------------- files

GOOD_LINES = ["* * * * * root true", "A=b", "# note", "@daily root true", ""]
ENDS = ["\n"] * 9 + ["", "\0", " ", "\n ", "\n#", "\r\n", "\n\n"]
ODD_BYTES = [
    b"\0",
    b"\r",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\v",
    b"\f",
    b"\xa0",
    b"\x80",
    b"\n",
    b" ",
    b"%",
    b"'",
    b'"',
    b"=",
    b"\xff\n",
]


NEWLINES = ["\n"] * 12 + ["\r\n", "\\\n", "\0", "\n\0"]


def one_entry(chance: Random) -> bytes:
    return f"{times(chance)} root true\n".encode()


def file(chance: Random) -> bytes:
    """A file of a few lines, one in four of them damaged, and some that are nothing but bytes."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(60))
    written = _written(chance)
    return written if chance.random() < 0.75 else _damaged(chance, written)


def _written(chance: Random) -> bytes:
    """A line that matters behind good ones; what comes after it counts only where cron takes it."""
    good = chance.choices(GOOD_LINES, k=chance.randrange(3))
    lines = [*good, line(chance), *(line(chance) for _ in range(chance.randrange(3)))]
    return (chance.choice(NEWLINES).join(lines) + chance.choice(ENDS)).encode()


def _damaged(chance: Random, data: bytes) -> bytes:
    """With a byte or two put in or taken out."""
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(ODD_BYTES) + data[at + chance.randrange(3) :]


def files(count: int, salt: str) -> list[bytes]:
    """So many different files (times SAMPLES): half of them a single entry, half anything.

    Left out is what cron reads differently from one time to the next: a line that ends right behind an opening
    quote makes it read what happens to be on its stack.
    """
    chance = Random(f"{SEED} {salt}")
    found: dict[bytes, None] = {}
    while len(found) < count * SAMPLES:
        data = chance.choice([one_entry, file])(chance)
        if not has_a_lone_opening_quote(data):
            found[data] = None
    return list(found)


def has_a_lone_opening_quote(data: bytes) -> bool:
    return _LONE_QUOTE.search(data) is not None


_LONE_QUOTE = re.compile(rb"""(?:^|[\n\0])[ \t]*['"](?:[\n\0]|\Z)|=[ \t\v\f\r]*['"](?:[\n\0]|\Z)""")
