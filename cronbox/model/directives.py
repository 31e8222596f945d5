"""The `# cronbox:` comments over an entry.

    # cronbox: name=load-orders timeout=30m description="two words"

A word is KEY=VALUE; a value with blanks stands in quotes. Inside `"…"` a backslash keeps a quote or another
backslash; inside `'…'` everything is literal. Several such comments over one entry add up, and each key may
stand there once. `ignore=CODE,CODE` is for the linter and is no setting.

`settings` has the keys and reads their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cronbox.model.crontab import DIRECTIVE, Comment
from cronbox.model.job import Policy
from cronbox.model.settings import IGNORE, KEYS, did_you_mean, policy_from, read_setting


class Word(NamedTuple):
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
            f"{word!r} has no value: write {word}=…{'' if word in KEYS else did_you_mean(word, list(KEYS))}"
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
