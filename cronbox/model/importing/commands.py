"""Commands that are lists of words elsewhere, as text for the shell that cron runs."""

from __future__ import annotations

from collections.abc import Sequence

from cronbox.model.importing.lines import joined

_SHELLS = ("sh", "/bin/sh", "/usr/bin/sh")
_QUOTES = "`'\""
_CLOSING = {"{": "}", "[": "]", "(": ")"}


def shell_command(words: Sequence[str]) -> str:
    """The command of these words; `sh -c TEXT` is the text, for cron calls a shell anyway."""
    if len(words) == 3 and words[0] in _SHELLS and words[1] == "-c":
        return words[2]
    return joined(list(words))


def go_words(text: str) -> list[str]:
    """The words of a command as ofelia splits it (github.com/gobs/args): quotes count where a word begins."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _go_word(text, at)
        words.append(word)
    return words


def _go_word(text: str, at: int) -> tuple[str, int]:
    """One word from its first character on -> (word, where the text goes on)."""
    first = text[at]
    if first in _QUOTES:
        return _go_plain(text, at + 1, first)
    if first in _CLOSING:
        return _go_bracketed(text, at)
    if first in "|><#":
        return text[at:], len(text)
    return _go_plain(text, at, "")


def _go_plain(text: str, at: int, quote: str) -> tuple[str, int]:
    kept: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "`":
            kept.append(text[at + 1 : at + 2])
            at += 2
            continue
        at += 1
        if char == quote or (not quote and char.isspace()):
            break
        kept.append(char)
    return "".join(kept), at


def _go_bracketed(text: str, at: int) -> tuple[str, int]:
    kept: list[str] = []
    waiting: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\" and quote != "`":
            kept.append(text[at : at + 1])
            at += 1
            continue
        kept.append(char)
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        elif char in _CLOSING:
            waiting.append(_CLOSING[char])
        elif char == waiting[-1]:
            waiting.pop()
            if not waiting:
                break
    return "".join(kept), at
