"""What an import comes to: boxes to write, and a list of all that could not be carried over as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What became of a thing of the source."""

    ENTRY = "not-imported"
    """An entry that is no job now; where it came from a crontab, it stands in the new one as a comment."""
    LEFT_OUT = "left-out"
    """A setting that has no counterpart."""
    CHANGED = "changed"
    """It is carried over, with a difference."""
    CHECK = "to-check"
    """It is carried over, and only a person can tell whether it is right."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the source: the file, a line of it (from 1), a path of keys."""

    file: str
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where} {self.key}".rstrip()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell. It never holds the value of a secret."""

    place: Place
    kind: Kind
    what: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.kind.value}: {self.what}"

    def as_json(self) -> dict[str, object]:
        """The form of `cronbox import --json`."""
        return {
            "file": self.place.file,
            "line": self.place.line,
            "key": self.place.key or None,
            "kind": self.kind.value,
            "what": self.what,
            "todo": self.todo,
        }


@dataclass(slots=True)
class Notes:
    """Collects findings while a source is read."""

    found: list[Finding] = field(default_factory=list)

    def entry(self, place: Place, what: str, todo: str) -> None:
        self.found.append(Finding(place, Kind.ENTRY, what, todo))

    def left_out(self, place: Place, what: str, todo: str = "") -> None:
        self.found.append(Finding(place, Kind.LEFT_OUT, what, todo))

    def changed(self, place: Place, what: str, todo: str = "") -> None:
        self.found.append(Finding(place, Kind.CHANGED, what, todo))

    def check(self, place: Place, what: str, todo: str = "") -> None:
        self.found.append(Finding(place, Kind.CHECK, what, todo))


@dataclass(frozen=True, slots=True)
class Text:
    """A line to write that is no job: a comment, a blank line, an environment line."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """An entry to write: its line, and the directives over it."""

    place: Place
    line: str
    directives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is written as a comment only: lines of the source, and why they are no entry."""

    place: Place
    reason: str
    lines: tuple[str, ...]


Part = Text | Job | LeftOut


@dataclass(frozen=True, slots=True)
class CrontabDraft:
    """A crontab file to write."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class MountDraft:
    """A mount of a box."""

    place: Place = field(compare=False)
    source: str
    target: str
    read_only: bool = False

    @property
    def is_volume(self) -> bool:
        """Whether it is a named volume and no folder of the host."""
        return "/" not in self.source


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """What `[boxes.<box>]` is to say, beyond its users; None and nothing stand for the default."""

    base_image: str | None = None
    mounts: tuple[MountDraft, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    env_file: tuple[str, ...] = ()
    """Lines of a file of its own: secrets, and variables whose value is not known."""
    timezone: str | None = None
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    read_only: bool = False


NO_SETTINGS = BoxSettings()


@dataclass(frozen=True, slots=True)
class BoxDraft:
    """A box to write: its section, its crontabs and the scripts that stand at `/scripts` in it."""

    name: str
    settings: BoxSettings = NO_SETTINGS
    users: tuple[str, ...] = ()
    crontabs: tuple[CrontabDraft, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """All that an import is to write, and all that it has to tell."""

    boxes: tuple[BoxDraft, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def mount_sources(self) -> Iterator[str]:
        """The folders and files of the host that boxes would mount."""
        return (m.source for box in self.boxes for m in box.settings.mounts if not m.is_volume)
