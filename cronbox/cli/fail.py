"""How the command line says that something went wrong: one line, what and where, then what to do."""

from __future__ import annotations

import sys

from typer.exceptions import TyperException

from cronbox.errors import CronboxError

INTERRUPTED = 130
WRONG_USE = 2


def print_error(error: CronboxError) -> None:
    """Each problem on its own line, then the error, then its hint; all on stderr."""
    for problem in error.problems:
        _say(problem)
    _say(f"cronbox: {_one_line(error.message)}")
    if error.hint:
        _say(f"  {_one_line(error.hint)}")


def print_usage_error(error: TyperException) -> int:
    """A wrong option or argument in one line -> exit code. Where it is the help, that is printed already."""
    message = error.format_message().replace("Value error, ", "")
    if message:
        _say(f"cronbox: {_one_line(message)}")
        ctx = getattr(error, "ctx", None)
        _say(f"  `{ctx.command_path if ctx else 'cronbox'} --help` shows how it is used")
    return WRONG_USE


def note(line: str) -> None:
    """One line beside the answer, on stderr, so that stdout stays what was asked for."""
    _say(line)


def _say(line: str) -> None:
    print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)


def _one_line(text: str) -> str:
    return " ".join(text.split())
