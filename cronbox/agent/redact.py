"""Hides secret values in what jobs print, however the reads cut them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MASK = b"***"
SHORTEST = 4
"""Shorter words are too common to hide: the output would be riddled."""
FORMER = 100
"""So many words of earlier values stay hidden: a run may go on that still has them."""


def words_of(value: bytes) -> Iterator[bytes]:
    """What is hidden of a value: each of its lines, without the blanks around it."""
    for line in value.split(b"\n"):
        word = line.strip()
        if len(word) >= SHORTEST:
            yield word


class Veil:
    """The words that no log may show. None of them has a newline in it, so none goes over a line's end."""

    def __init__(self) -> None:
        self.words: tuple[bytes, ...] = ()
        """Former ones first."""
        self._longest = 0
        self._any = re.compile(b"(?!)")

    def learn(self, values: Iterable[bytes]) -> None:
        """Hide these values from now on, and go on with what was hidden before."""
        current = dict.fromkeys(word for value in values for word in words_of(value))
        former = [word for word in self.words if word not in current]
        self.words = (*former[-FORMER:], *current)
        longest_first = sorted(self.words, key=len, reverse=True)
        self._longest = len(longest_first[0]) if longest_first else 0
        self._any = re.compile(b"|".join(map(re.escape, longest_first)) or b"(?!)")

    def hide(self, data: bytes) -> bytes:
        """All of it, with every word hidden; of words that overlap, the first, and the longest of those."""
        return self._any.sub(MASK, data) if self._shows(data) else data

    def hide_text(self, text: str) -> str:
        """The same of a short text, whatever surrogates are in it."""
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word.decode("utf-8", "surrogateescape"), MASK.decode())
        return text

    def cut(self, data: bytes) -> tuple[bytes, bytes]:
        """What can be shown already, with every word hidden, and the rest, which may be the begin of one."""
        begins, shown, at = self._begins(data), [], 0
        search = self._any.finditer(data) if self._shows(data) else iter(())
        for found in search:
            if any(at <= begin <= found.start() for begin in begins):
                break
            shown += [data[at : found.start()], MASK]
            at = found.end()
        stop = next((begin for begin in begins if begin >= at), len(data))
        return b"".join((*shown, data[at:stop])), data[stop:]

    def _shows(self, data: bytes) -> bool:
        """A search for each word takes a small part of the time of one for all of them."""
        return any(word in data for word in self.words)

    def _begins(self, data: bytes) -> list[int]:
        """Where the end of `data` is the beginning of a word, and not yet the whole."""
        line = max(data.rfind(b"\n") + 1, len(data) - self._longest + 1)
        found = set()
        for word in self.words if line < len(data) else ():
            at = data.find(word[:1], max(line, len(data) - len(word) + 1))
            while at >= 0:
                if word.startswith(data[at:]):
                    found.add(at)
                at = data.find(word[:1], at + 1)
        return sorted(found)


class Redactor:
    """One run's streams, each seen through the veil."""

    def __init__(self, veil: Veil) -> None:
        self._veil = veil
        self._held: dict[str, bytes] = {}

    def feed(self, stream: str, data: bytes) -> bytes:
        """What can be shown after these bytes have come."""
        if not self._veil.words:
            return data
        shown, rest = self._veil.cut(self._held.pop(stream, b"") + data)
        if rest:
            self._held[stream] = rest
        return shown

    def flush(self) -> list[tuple[str, bytes]]:
        """(stream, bytes) of what was held back; no more will come."""
        held, self._held = self._held, {}
        return [(stream, self._veil.hide(rest)) for stream, rest in held.items()]
