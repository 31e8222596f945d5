"""One tree of errors. Each says what is wrong, lists the problems it is made of, and hints what to do.

The command line, the web layer and the daemon's tick barrier are the only places that catch these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class CronboxError(Exception):
    """Anything a person can mend. `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint

    def in_full(self) -> str:
        """The message, and each of its problems on a line of its own."""
        return "\n".join((self.message, *self.problems))


class UsageError(CronboxError):
    """The command was called in a way that cannot mean anything."""

    exit_code = 2


class ConfigError(CronboxError):
    """config.toml is not valid. `problems` lists all that is wrong with it, each with its key's path."""

    exit_code = 2


class CrontabRefused(CronboxError):
    """A box's crontab files have errors, so nothing was installed and the old ones go on.

    `problems` are ready to print: `file:line:col CODE message`.
    """


class SecretsRefused(CronboxError):
    """Some of a box's secrets cannot be had, so their old values go on. `problems` lists each with its key's
    path."""


class NotFound(CronboxError):
    """No box, job, run, file or image of that name."""

    exit_code = 4


class NoEngine(CronboxError):
    """The engine does not answer."""

    exit_code = 3


class EngineError(CronboxError):
    """The engine answered, and refused or failed."""


class BoxNotRunning(EngineError):
    """The box stands still, so nothing can be executed in it."""


class StoreError(CronboxError):
    """The database cannot be used as it is."""


class DaemonRunning(CronboxError):
    """Another daemon holds the lock of this project."""


class StoreLost(StoreError):
    """The database does not answer. It may again, so a daemon waits for it."""


class StoreRefused(StoreLost):
    """The database answers, and does not let us in: a person has to mend that, there or in the config."""


class LeaseLost(CronboxError):
    """This daemon leads no more: another one may, so nothing may be written or done any more."""


class ImpossibleTransition(CronboxError):
    """An event does not fit the state of its run: a defect in the log or in cronbox."""


class LogGap(CronboxError):
    """Events are missing between the cursor and the first event read: read again from the cursor."""


class NotSent(CronboxError):
    """A notification did not go out, but may when it is tried again. Names no address."""


class SendingRefused(NotSent):
    """A notification can never go out as its target is configured. Names no address."""
