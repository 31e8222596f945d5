"""What the rules are told about a file's surroundings, and what they answer."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cronbox.model.crontab import Crontab
from cronbox.model.lint.problem import Fix

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class MountedFolder:
    """A folder that the box sees at `target`, with the absolute paths, in the box, of the files in it."""

    target: str
    files: frozenset[str]
    executable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is known of a box. Rules that need what is None or empty here do not speak."""

    users: frozenset[str] | None = None
    path: str = DEFAULT_PATH
    """The image's PATH, for jobs whose crontab sets none."""
    programs: frozenset[str] | None = None
    """Absolute paths of the programs in the image's usual folders."""
    searched: frozenset[str] | None = None
    """The folders that `programs` was read from; None stands for all that a PATH may name."""
    mounts: tuple[MountedFolder, ...] = ()
    typical_seconds: Mapping[str, float] = field(default_factory=dict)
    """How long the jobs (by name) usually take."""
    groups: frozenset[str] | None = None
    """The groups that have a limit in the box."""


class Finding(NamedTuple):
    """What a rule answers: where, in which rule's name, and what to say."""

    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True)
class Context:
    """One file and what is known around it."""

    crontab: Crontab
    users: frozenset[str] | None
    zone: ZoneInfo | None
    facts: BoxFacts

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return self.crontab.render()

    @cached_property
    def _line_starts(self) -> list[tuple[int, int, int]]:
        """(line, column, byte offset) where each piece of the file begins."""
        starts, offset = [], 0
        for line in self.crontab.lines:
            starts.append((line.line, line.column, offset))
            offset += len(line.raw.encode("utf-8", "surrogateescape"))
        return starts

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a character of the file."""
        index = bisect_left(self._line_starts, (line, column + 1, -1)) - 1
        _, first, start = self._line_starts[index]
        return start + len(self.crontab.lines[index].raw[: column - first].encode("utf-8", "surrogateescape"))
