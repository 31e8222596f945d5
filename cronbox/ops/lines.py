"""Bytes that come cut anywhere become whole lines, in bounded memory."""

from __future__ import annotations

LONGEST_LINE = 8 * 1024 * 1024
"""More than an agent writes: a command of 1 MiB, each of whose characters is escaped."""


class Lines:
    """Puts lines together. One that is too long is let go of as it comes; `too_long` counts those."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self.too_long = 0
        self._longest = longest
        self._begun: list[bytes] = []
        self._bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines, without their newlines, that `data` completes."""
        first, *others = data.split(b"\n")
        self._keep(first)
        if not others:
            return []
        *whole, rest = others
        if self._bytes <= self._longest:
            whole.insert(0, b"".join(self._begun))
        self._begun, self._bytes = [], 0
        self._keep(rest)
        return whole

    def _keep(self, piece: bytes) -> None:
        before = self._bytes
        self._bytes += len(piece)
        if self._bytes <= self._longest:
            self._begun.append(piece)
        elif before <= self._longest:
            self._begun = []
            self.too_long += 1
