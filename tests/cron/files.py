"""Thousands of crontabs to ask the judge about, put together from words by a chance that has a seed.

hypothesis alone could make them too, but a hundred times more slowly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from tests.cron.words import FIELDS, SAMPLES, SEED, env_lines, odd_fields, valid_fields

ALIASES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@reboot"]
ODD_ALIASES = [
    "@Daily",
    "@every 5m",
    "@",
    "@dailyx",
    "@daily*",
    "@REBOOT",
    "@every_minute",
    "@daily\0",
    "@daily=",
]
BLANKS = [" "] * 12 + ["  ", "\t", " \t "]
NOBODY = [""]
"""Who runs an entry of a user crontab."""
USERS = ["root"] * 8 + ["www-data", "daemon", "nosuch", "ROOT", "0", "root:root", "u" * 1001, ""]
COMMANDS = ["true"] * 6 + [
    "",
    " ",
    "  true",
    "true # no comment",
    "date +%F%in",
    r"a\%b\\c",
    "true\\",
    "true\r",
]
ODD_COMMANDS = ["=", "A=b", "é", "* * *", "true\0* * * * * root true"]
LONG_COMMANDS = ["x" * 998, "x" * 999, "é" * 499, "é" * 499 + "x"]
GOOD_LINES = ["* * * * * root true", "A=b", "# note", "@daily root true", ""]
COMMENTS = ["", "", " \t ", "# note", "  # note", "#", "#\0", "# " + "x" * 3000, "\ufeff# note", "\ufeffA=b"]
STRAY_LINES = ["stray text", "* * * * *", "* * * * * root", "* * *", "@daily", "@daily root", "@daily "]
LONE_BYTES = ["\0", "\r", "\v", "=", "'", "\\"]
NEWLINES = ["\n"] * 12 + ["\r\n", "\\\n", "\0", "\n\0"]
ENDS = ["\n"] * 9 + ["", "\0", " ", "\n ", "\n#", "\r\n", "\n\n"]
ODD_BYTES = [
    b"\0",
    b"\r",
    b"\xff",
    b"\xff\n",
    b"\xef\xbb\xbf",
    b"\v",
    b"\f",
    b"\xa0",
    b"\x80",
    *(b"\n", b" ", b"%"),
]
ODD_BYTES += [b"'", b'"', b"="]


def files(count: int, salt: str, users: Sequence[str] = USERS) -> list[bytes]:
    """So many different files (times SAMPLES): half of them a single entry, half anything.

    Left out is what cron reads differently from one time to the next: a line that ends right behind an
    opening quote makes it read what happens to be on its stack.
    """
    chance = Random(f"{SEED} {salt}")
    found: dict[bytes, None] = {}
    while len(found) < count * SAMPLES:
        data = chance.choice([one_entry, any_file])(chance, users)
        if not has_a_lone_opening_quote(data):
            found[data] = None
    return list(found)


def has_a_lone_opening_quote(data: bytes) -> bool:
    return _LONE_QUOTE.search(data) is not None


_LONE_QUOTE = re.compile(rb"""(?:^|[\n\0])[ \t]*['"](?:[\n\0]|\Z)|=[ \t\v\f\r]*['"](?:[\n\0]|\Z)""")


def one_entry(chance: Random, users: Sequence[str]) -> bytes:
    return f"{_times(chance)} {users[0]} true\n".encode()


def any_file(chance: Random, users: Sequence[str]) -> bytes:
    """A few lines, one file in four of them damaged, and some that are nothing but bytes."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(60))
    written = _written(chance, users)
    return written if chance.random() < 0.75 else _damaged(chance, written)


def _written(chance: Random, users: Sequence[str]) -> bytes:
    """A line that matters behind good ones; what comes after it counts only where cron takes it."""
    good = chance.choices(GOOD_LINES, k=chance.randrange(3))
    lines = [*good, *(_line(chance, users) for _ in range(chance.randrange(1, 4)))]
    return (chance.choice(NEWLINES).join(lines) + chance.choice(ENDS)).encode()


def _damaged(chance: Random, data: bytes) -> bytes:
    """With a byte or two put in or taken out."""
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(ODD_BYTES) + data[at + chance.randrange(3) :]


# ------------------------------------------------------------------------------------------------- lines


def _line(chance: Random, users: Sequence[str]) -> str:
    match chance.randrange(6):
        case 0:
            return _entry(chance, _valid_times(chance), users)
        case 1 | 2:
            return _entry(chance, _nearly_valid_times(chance), users)
        case 3 | 4:
            return chance.choice(env_lines())
        case _:
            return chance.choice([*COMMENTS, *STRAY_LINES, *LONE_BYTES])


def _entry(chance: Random, times: str, users: Sequence[str]) -> str:
    indent = chance.choice(["", "", "", " ", "\t ", "\v"])
    behind = chance.choice([" ", " ", " ", "\t", "  "])
    command = chance.choice([*COMMANDS, *ODD_COMMANDS, *LONG_COMMANDS])
    return f"{indent}{times}{_blanks(chance)}{chance.choice(users)}{behind}{command}"


def _times(chance: Random) -> str:
    return chance.choice([_valid_times, _nearly_valid_times, _nearly_valid_times])(chance)


def _valid_times(chance: Random) -> str:
    if chance.random() < 0.1:
        return chance.choice(ALIASES)
    return _blanks(chance).join(chance.choice(valid_fields(field)) for field in FIELDS)


def _nearly_valid_times(chance: Random) -> str:
    """Five fields of which one is odd: cron stops at the first mistake, so more would hide each other."""
    if chance.random() < 0.05:
        return chance.choice(ODD_ALIASES)
    fields = [chance.choice(valid_fields(field)) for field in FIELDS]
    where = chance.randrange(len(fields))
    odd, valid = chance.choice(odd_fields()), fields[where]
    fields[where] = chance.choice([odd, odd, valid + odd, odd + valid, f"1,{odd}"])
    return _blanks(chance).join(fields)


def _blanks(chance: Random) -> str:
    return chance.choice(BLANKS)
