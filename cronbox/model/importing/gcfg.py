"""ofelia's INI files, as the Go library gcfg reads them.

configparser cannot: here a key may stand several times (`volume = …`), a section is called `job-run "name"`,
comments may stand behind a value, quotes go, and a backslash at the end of a line joins it with the next.
Source: `scanner/scanner.go` and `read.go` of gopkg.in/gcfg.v1.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from cronbox.model.importing.documents import Unreadable

_SECTION = re.compile(
    r'\[[ \t]*([^\W\d_][\w-]*)[ \t]*(?:"((?:[^"\\\n]|\\["\\])*)"[ \t]*)?\][ \t\r]*(?:[;#][^\n]*)?(?:\n|\Z)'
)
_KEY = re.compile(r"([^\W\d_](?:[^\W_]|-)*)[ \t\r]*(=)?[ \t\r]*")
_SKIPPED = re.compile(r"[ \t\r]*(?:[;#][^\n]*)?\n|[ \t\r]*[;#][^\n]*\Z|[ \t\r]+")
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Value:
    """One `key = value`; the key in small letters."""

    key: str
    value: str
    line: int


@dataclass(slots=True)
class Section:
    """`[name "sub"]` with what stands under it, up to the next one."""

    name: str
    sub: str
    line: int
    values: list[Value]


def read_gcfg(text: str) -> list[Section]:
    """The sections in their order, those of the same name together. Raises Unreadable with the line."""
    found: dict[tuple[str, str], Section] = {}
    section = None
    for item in _Reader(text.removeprefix("\ufeff")).items():
        if isinstance(item, Section):
            section = found.setdefault((item.name, item.sub), item)
        elif section is None:
            raise Unreadable(f"{item.key!r} stands in no section", item.line)
        else:
            section.values.append(item)
    return list(found.values())


class _Reader:
    """Walks over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ends = [found.start() for found in re.finditer("\n", text)]

    @property
    def line(self) -> int:
        return bisect_left(self.ends, self.at) + 1

    def items(self) -> Iterator[Section | Value]:
        while self.at < len(self.text):
            if skipped := _SKIPPED.match(self.text, self.at):
                self.at = skipped.end()
            elif self.text[self.at] == "[":
                yield self._section()
            else:
                yield self._value()

    def _section(self) -> Section:
        found = _SECTION.match(self.text, self.at)
        if not found:
            raise Unreadable('a section is written [name] or [name "sub"]', self.line)
        section = Section(found[1].lower(), re.sub(r"\\(.)", r"\1", found[2] or ""), self.line, [])
        self.at = found.end()
        return section

    def _value(self) -> Value:
        line = self.line
        found = _KEY.match(self.text, self.at)
        if not found:
            raise Unreadable("this is no section and no `key = value`", line)
        self.at = found.end()
        key = found[1].lower()
        if found[2]:
            return Value(key, self._value_text(), line)
        if self.text[self.at : self.at + 1] not in ("", "\n", ";", "#"):
            raise Unreadable(f"{key!r} needs `=` and a value", line)
        return Value(key, "true", line)

    def _value_text(self) -> str:
        """Up to the end of the line or a comment; blanks at the end go, but for those in quotes."""
        kept: list[str] = []
        end, quoted = 0, False
        while self.at < len(self.text):
            char = self.text[self.at]
            if not quoted and char in "\n;#":
                break
            self.at += 1
            if char == '"':
                quoted = not quoted
                end = len(kept)
            elif char == "\\":
                kept += self._escaped(quoted)
                end = len(kept)
            elif char == "\n":
                break
            elif char != "\r":
                kept.append(char)
                end = len(kept) if quoted or char not in " \t" else end
        if quoted:
            raise Unreadable("a quote is not closed", self.line)
        return "".join(kept[:end])

    def _escaped(self, quoted: bool) -> str:
        if self.text.startswith("\r\n", self.at):
            self.at += 1
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if not quoted and char == "\n":
            return ""
        if char in _ESCAPES and char and (quoted or char == '"'):
            return _ESCAPES[char]
        raise Unreadable(
            'a backslash stands before ", or at the end of the line; in quotes before \\ " n t', self.line
        )
