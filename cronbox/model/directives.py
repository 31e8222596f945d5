"""The `# cronbox:` comments over an entry, and the one table of keys that they and config.toml share.

    # cronbox: name=load-orders timeout=30m description="two words"

A word is KEY=VALUE; a value with blanks stands in quotes. Inside `"…"` a backslash keeps a quote or another
backslash; inside `'…'` everything is literal. Several such comments over one entry add up, and each key may
stand there once. `ignore=CODE,CODE` is for the linter and is no setting.

To add a key: a row in `KEYS` and a field in `Policy`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

from cronbox.model.crontab import DIRECTIVE, Comment
from cronbox.model.durations import parse_duration, parse_size
from cronbox.model.job import Overlap, Policy

IGNORE = "ignore"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table. `read` makes what Policy holds of a text or a TOML value, or raises ValueError"""

    name: str
    type: str
    default: str
    """As one would write it; empty where there is none."""
    unit: str
    doc: str
    read: Callable[[object], object]

    @property
    def attribute(self) -> str:
        """The field of Policy."""
        return self.name.replace("-", "_")


# ------------------------------------------------------------------------------------ reading a value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    if _CONTROL.search(value):
        raise ValueError("a text has no control characters")
    return value


def _name(value: object) -> str:
    text = _text(value)
    if not JOB_NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a name: letters, digits and _ . - (not first), at most 64 characters"
        )
    return text


def _duration(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"{value} needs a unit, such as {value}s or {value}m")
    return parse_duration(_text(value))


def _timeout(value: object) -> float | None:
    if value in ("none", False):
        return None
    seconds = _duration(value)
    if seconds <= 0:
        raise ValueError("a time-out is longer than nothing; `none` switches it off")
    return seconds


def _size(value: object) -> int:
    size = value if isinstance(value, int) and not isinstance(value, bool) else parse_size(_text(value))
    if not 0 < size <= 2**40:
        raise ValueError(f"{value} is not between one byte and 1 TiB")
    return size


def _overlap(value: object) -> Overlap:
    known = [overlap.value for overlap in Overlap]
    if value not in known:
        raise ValueError(f"{value!r} is not one of {' '.join(known)}{_did_you_mean(str(value), known)}")
    return Overlap(str(value))


def _path(value: object) -> str:
    path = _text(value)
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not an absolute path")
    return path


def _codes(value: object) -> tuple[int, ...]:
    if isinstance(value, str):
        parts: Sequence[object] = value.split(",")
    else:
        parts = value if isinstance(value, (list, tuple)) else [value]
    return tuple(sorted({_code(part) for part in parts}))


def _code(value: object) -> int:
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or int(text) > 255:
        raise ValueError(f"{value!r} is not an exit code: 0 to 255, several with commas")
    return int(text)


def _flag(value: object) -> bool:
    flags = {"yes": True, "true": True, "no": False, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in flags:
        return flags[value]
    raise ValueError(f"{value!r} is not one of yes no")


# ------------------------------------------------------------------------------------------ the table

_ROWS = (
    Key("name", "name", "", "", "What the job is called; from its command if it is not given.", _name),
    Key("description", "text", "", "", "A sentence for people.", _text),
    Key(
        "timeout",
        "duration",
        "none",
        "s",
        "The run is ended after this long; `none` lets it go on.",
        _timeout,
    ),
    Key("kill-after", "duration", "10s", "s", "How long it has between SIGTERM and SIGKILL.", _duration),
    Key(
        "overlap",
        "skip | allow",
        "skip",
        "",
        "What happens when it is due while its last run goes on.",
        _overlap,
    ),
    Key("workdir", "path", "", "", "Where it starts; the user's home if it is not given.", _path),
    Key("output-limit", "size", "10MiB", "bytes", "How much of its output is kept, head and tail.", _size),
    Key("ok-codes", "exit codes", "0", "", "Exit codes that mean success, with commas.", _codes),
    Key("paused", "yes | no", "no", "", "Its slots are skipped, with that reason.", _flag),
)
KEYS: dict[str, Key] = {key.name: key for key in _ROWS}
"""Every key, in the order in which the documentation shows them."""


def read_setting(key: str, value: object) -> object:
    """The value as Policy holds it. Raises ValueError: an unknown key (with the nearest one), a bad value."""
    if key not in KEYS:
        raise ValueError(f"{key!r} is no key{_did_you_mean(key, [*KEYS, IGNORE])}")
    return KEYS[key].read(value)


def policy_from(settings: Mapping[str, object], base: Policy) -> Policy:
    """`base` with these settings; values are texts as in a directive, or TOML's.

    `name` is checked, but no part of a policy. Raises ValueError for the first that is wrong.
    """
    read = {KEYS[key].attribute: value for key, value in _read_all(settings).items() if key != "name"}
    return replace(base, **read) if read else base  # type: ignore[arg-type]


def _read_all(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: read_setting(key, value) for key, value in settings.items()}


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


# ---------------------------------------------------------------------------------------- the comments


@dataclass(frozen=True, slots=True)
class Word:
    """`key=value` in a directive. Columns count from 1 in the file's line."""

    line: int
    column: int
    key: str
    value: str
    value_column: int


class MistakeKind(StrEnum):
    """What kind of thing is wrong with a directive."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"
    BAD_VALUE = "bad-value"
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a directive, and where."""

    kind: MistakeKind

    line: int
    column: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Directives:
    """What the comments over one entry say. `settings` holds only what is right."""

    settings: Mapping[str, str]
    ignored: frozenset[str]
    """Codes of the linter's rules."""
    words: tuple[Word, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def name(self) -> str | None:
        return self.settings.get("name")

    def policy(self, base: Policy) -> Policy:
        """`base` with these settings."""
        return policy_from(self.settings, base)


NOTHING = Directives({}, frozenset(), (), ())

_WORD = re.compile(
    r"""(?P<key>[^\s="']+)(?P<is>=(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']*))?(?=\s|\Z)""", re.VERBOSE
)
_ESCAPED = re.compile(r"\\([\"\\])")


@lru_cache(maxsize=32768)
def parse_directives(comments: tuple[Comment, ...]) -> Directives:
    """What the `# cronbox:` comments over one entry say together; mistakes are listed, not raised."""
    if not comments:
        return NOTHING
    words: list[Word] = []
    mistakes: list[Mistake] = []
    for comment in comments:
        _read_words(comment, words, mistakes)
    settings: dict[str, str] = {}
    ignored: set[str] = set()
    for word in words:
        if word.key == IGNORE:
            ignored.update(code.upper() for code in word.value.split(",") if code)
        elif mistake := _mistake(word, settings):
            mistakes.append(mistake)
        else:
            settings[word.key] = word.value
    return Directives(settings, frozenset(ignored), tuple(words), tuple(mistakes))


def _mistake(word: Word, settings: Mapping[str, str]) -> Mistake | None:
    if word.key in settings:
        return Mistake(
            MistakeKind.TWICE, word.line, word.column, f"{word.key} stands here twice", "keep one of them"
        )
    message = _refusal(word.key, word.value)
    if message is None:
        return None
    if word.key in KEYS:
        hint = f"{word.key} takes: {KEYS[word.key].type}"
        return Mistake(MistakeKind.BAD_VALUE, word.line, word.value_column, f"{word.key}: {message}", hint)
    return Mistake(MistakeKind.UNKNOWN_KEY, word.line, word.column, message, f"keys are: {' '.join(KEYS)}")


@lru_cache(maxsize=4096)
def _refusal(key: str, value: str) -> str | None:
    try:
        read_setting(key, value)
    except ValueError as error:
        return str(error)
    return None


def _read_words(comment: Comment, words: list[Word], mistakes: list[Mistake]) -> None:
    text = comment.raw.rstrip(" \t\r\n")
    shift = comment.column
    head = DIRECTIVE.search(text)
    at = head.end() if head else len(text)
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        found = _WORD.match(text, at)
        if not found or found["is"] is None:
            message = _bad_word(text, at, found)
            mistakes.append(Mistake(MistakeKind.MALFORMED, comment.line, at + shift, message, _HOW_TO_WRITE))
            at = _next_blank(text, at)
            continue
        value_column = found.start("value") + shift
        words.append(Word(comment.line, at + shift, found["key"], _unquoted(found["value"]), value_column))
        at = found.end()


_HOW_TO_WRITE = "write KEY=VALUE, with quotes around a value that has blanks"


def _bad_word(text: str, at: int, found: re.Match[str] | None) -> str:
    word = text[at : _next_blank(text, at)][:64]
    if found:
        return (
            f"{word!r} has no value: write {word}=…{'' if word in KEYS else _did_you_mean(word, list(KEYS))}"
        )
    if '"' in word or "'" in word:
        return f"a quote in {word!r} is not closed, or something stands right behind it"
    return f"{word!r} is not KEY=VALUE"


def _next_blank(text: str, at: int) -> int:
    found = re.compile(r"[ \t]").search(text, at)
    return found.start() if found else len(text)


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value[1:-1] if value.startswith("'") else value
