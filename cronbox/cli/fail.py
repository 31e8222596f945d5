"""How the command line says that something went wrong: in one line, what and where; what to do."""

from __future__ import annotations

import sys

from typer.exceptions import TyperException

from cronbox.errors import CronboxError

INTERRUPTED = 130
WRONG_USE = 2


def print_error(error: CronboxError) -> None:
    """Each problem on its own line, then the error with its hint on one; all on stderr."""
    for problem in error.problems:
        _say(problem)
    _say(_line(error.message, error.hint))


def print_usage_error(error: TyperException) -> int:
    """A wrong option or argument in one line -> exit code. Where it is the help, that is printed already."""
    message = error.format_message().replace("Value error, ", "")
    if message:
        ctx = getattr(error, "ctx", None)
        hint = f"`{ctx.command_path if ctx else 'cronbox'} --help` shows how it is used"
        _say(_line(message.removesuffix("."), hint))
    return WRONG_USE


def note(line: str) -> None:
    """One line beside the answer, on stderr, so that stdout stays what was asked for."""
    _say(line)


def _say(line: str) -> None:
    print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)


def _line(message: str, hint: str) -> str:
    """`cronbox: what, where; what to do`, whatever line breaks the parts have."""
    return " ".join(f"cronbox: {message}{'; ' if hint else ''}{hint}".split())
