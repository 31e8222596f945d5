"""What the linter finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops the installation. A warning is very likely a mistake. A hint is a better way."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Fix:
    """A safe repair: replace the bytes from `start` up to `end` of the file."""

    start: int
    end: int
    replacement: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. Line and column count from 1, columns in characters."""

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    hint: str = ""
    """What to do about it."""
    fixes: tuple[Fix, ...] = ()
    """What `fix` would do about it, where that is safe."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.code} {self.message}"

    def as_json(self) -> dict[str, object]:
        """The form of `cronbox check --json`."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
        }
