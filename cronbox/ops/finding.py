"""What one check of the doctor came to, and how a look that does not come to its end is told."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

from cronbox.errors import CronboxError

PATIENCE_S = 15.0
"""How long one look may take: an engine or a disk that hangs must not hang the doctor."""

T = TypeVar("T")


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, and will not for ever or not for all."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to. `hint` says what to do; `box` is None for what concerns the whole project."""

    check: str
    level: Level
    message: str
    hint: str = ""
    box: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class NoAnswer(CronboxError):
    """A look took longer than anybody should wait."""


def in_time(look: Callable[[], T], *, patience: float = PATIENCE_S) -> T:
    """What `look` gives. Raises NoAnswer when it takes too long; it is left to itself then, in a thread that
    no exit waits for."""
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((look(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=ask, name="doctor-look", daemon=True).start()
    try:
        found, error = answers.get(timeout=patience)
    except queue.Empty:
        raise NoAnswer(
            f"no answer within {patience:g} s", hint="something hangs: look at the host's load and disks"
        ) from None
    if error is not None:
        raise error
    return found  # type: ignore[return-value]


def guarded(
    check: str, look: Callable[[], list[Finding]], *, box: str | None = None, patience: float = PATIENCE_S
) -> list[Finding]:
    """The findings of a look; where it is not possible, the finding that it has failed."""
    try:
        return in_time(look, patience=patience)
    except CronboxError as error:
        return [Finding(check, Level.FAIL, error.message, error.hint, box=box)]
    except OSError as error:
        return [Finding(check, Level.FAIL, f"{error.filename or ''} {error.strerror}".strip(), box=box)]
