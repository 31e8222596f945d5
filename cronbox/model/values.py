"""Readers of job settings: a text as in a directive, or a TOML value -> what Policy holds, or ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from enum import StrEnum

from cronbox.model.durations import parse_duration, parse_size

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
LARGEST_SIZE = 2**40
SHORTEST_GRACE_S = 5.0
Reader = Callable[[object], object]


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    if _CONTROL.search(value):
        raise ValueError("a text has no control characters")
    return value


def name(value: object) -> str:
    found = text(value)
    if not JOB_NAME.fullmatch(found):
        raise ValueError(
            f"{found!r} is not a name: letters, digits and _ . - (not first), at most 64 characters"
        )
    return found


def names(value: object) -> tuple[str, ...]:
    """Several with commas, each once; a job of another box cannot be named."""
    if isinstance(value, str) and "/" in value:
        raise ValueError(f"{value!r} names another box: only jobs of the same box can be waited for")
    return tuple(dict.fromkeys(name(part) for part in _parts(value)))


def targets(value: object) -> tuple[str, ...]:
    """Names of targets, or `none`: nobody."""
    return () if value == "none" else tuple(dict.fromkeys(name(part) for part in _parts(value)))


def optional(read: Reader) -> Reader:
    """`none`, or what `read` takes."""
    return lambda value: None if value in ("none", False) else read(value)


def duration(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"{value} needs a unit, such as {value}s or {value}m")
    return parse_duration(text(value))


def positive_duration(value: object) -> float:
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("it must be longer than nothing; `none` switches it off")
    return seconds


def grace(value: object) -> float:
    seconds = duration(value)
    if seconds < SHORTEST_GRACE_S:
        raise ValueError(f"{value} is too short: cron itself starts jobs up to 2 s into their minute")
    return seconds


def whole_seconds(value: object) -> int:
    seconds = duration(value)
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{value!r} is not a number of whole seconds")
    return int(seconds)


def size(value: object) -> int:
    found = value if isinstance(value, int) and not isinstance(value, bool) else parse_size(text(value))
    if not 0 < found <= LARGEST_SIZE:
        raise ValueError(f"{value} is not between one byte and 1 TiB")
    return found


def one_of(words: type[StrEnum]) -> Reader:
    """One of the values of an enum."""

    def read(value: object) -> StrEnum:
        known = [word.value for word in words]
        if value not in known:
            near = get_close_matches(str(value).lower(), known, n=1, cutoff=0.5)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{value!r} is not one of {' '.join(known)}{guess}")
        return words(str(value))

    return read


def whole(low: int, high: int) -> Reader:
    """A whole number between the two."""

    def read(value: object) -> int:
        digits = value if isinstance(value, str) else repr(value)
        if not re.fullmatch(r"[0-9]{1,9}", digits, re.ASCII) or not low <= int(digits) <= high:
            raise ValueError(f"{value!r} is not a number from {low} to {high}")
        return int(digits)

    return read


def factor(value: object) -> float:
    """From 1 to 100."""
    digits = value if isinstance(value, str) else repr(value)
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", digits, re.ASCII) or not 1 <= float(digits) <= 100:
        raise ValueError(f"{value!r} is not a factor from 1 to 100")
    return float(digits)


def path(value: object) -> str:
    found = text(value)
    if not found.startswith("/"):
        raise ValueError(f"{found!r} is not an absolute path")
    return found


def io_class(value: object) -> str:
    found = text(value)
    if not re.fullmatch(r"idle|best-effort:[0-7]", found):
        raise ValueError(f"{found!r} is neither `idle` nor `best-effort:0` to `best-effort:7`")
    return found


def exit_codes(value: object) -> tuple[int, ...]:
    return tuple(sorted({_exit_code(part) for part in _parts(value)}))


def _exit_code(value: object) -> int:
    digits = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,3}", digits, re.ASCII) or int(digits) > 255:
        raise ValueError(f"{value!r} is not an exit code: 0 to 255, several with commas")
    return int(digits)


def flag(value: object) -> bool:
    flags = {"yes": True, "true": True, "no": False, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in flags:
        return flags[value]
    raise ValueError(f"{value!r} is not one of yes no")


def _parts(value: object) -> Sequence[object]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, (list, tuple)) else [value]
