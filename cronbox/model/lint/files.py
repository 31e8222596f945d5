"""Rules about a file as a whole. Sources: CRON.md of Debian's cron is told on each rule's page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from cronbox.model.crontab import LAST_LINE, Blank, Comment, CronError
from cronbox.model.lint.context import Context, Finding
from cronbox.model.lint.problem import Fix

BOM = b"\xef\xbb\xbf"
LONGEST_NAME = 200
"""cron aborts on names of 248 characters (`database.c:175`); this leaves room for temporary names."""
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.crontab)?", re.ASCII)


def file_name(context: Context) -> Iterator[Finding]:
    """cron reads `[A-Za-z0-9_-]+` only and is silent about others; `.crontab` is fine for cronbox."""
    name = PurePosixPath(context.crontab.file).name
    if context.crontab.format != "system":
        return
    if len(name) > LONGEST_NAME:
        yield Finding(
            1, 1, "CB101", f"the file name has {len(name)} characters", f"use at most {LONGEST_NAME}"
        )
    elif not _NAME.fullmatch(name):
        hint = "use letters, digits, - and _, and .crontab at the end if you like"
        yield Finding(1, 1, "CB101", f"cron does not read a file called {name!r}", hint)


def final_newline(context: Context) -> Iterator[Finding]:
    """A last line without its newline makes cron ignore the file, unless it is a comment or blank."""
    last = context.crontab.lines[-1] if context.crontab.lines else None
    if last and not last.terminated and not isinstance(last, (Blank, Comment)):
        end = len(context.data)
        column = last.column + len(last.raw)
        fix = Fix(end, end, b"\n")
        yield Finding(
            last.line, column, "CB102", "the last line has no newline", "end the file with a newline", (fix,)
        )


def carriage_returns(context: Context) -> Iterator[Finding]:
    """One finding for the first; the fix takes those at line ends away."""
    data = context.data
    first = data.find(b"\r")
    if first < 0:
        return
    count = data.count(b"\r")
    fixes = tuple(Fix(found.start(), found.end(), b"") for found in re.finditer(rb"\r+(?=\n|\Z)", data))
    line, column = _position(data, first)
    more = f", and {count - 1} more" if count > 1 else ""
    hint = "save the file with Unix line ends"
    yield Finding(
        line, column, "CB103", f"a carriage return{more}: it becomes part of the command", hint, fixes
    )


def byte_order_mark(context: Context) -> Iterator[Finding]:
    """cron reads the mark as part of the first line."""
    if context.data.startswith(BOM):
        fix = Fix(0, len(BOM), b"")
        yield Finding(
            1, 1, "CB104", "the file begins with a byte order mark", "save it as UTF-8 without BOM", (fix,)
        )


def nul_bytes(context: Context) -> Iterator[Finding]:
    """cron ends a line at a NUL, so what stands behind it would be a line of its own."""
    first = context.data.find(b"\0")
    if first >= 0:
        line, column = _position(context.data, first)
        yield Finding(line, column, "CB105", "a NUL byte: cron ends the line here", "remove it")


def too_many_lines(context: Context) -> Iterator[Finding]:
    """Comments count as well, but not those behind the last entry."""
    lines = context.crontab.lines
    if not lines or lines[-1].line <= LAST_LINE:
        return
    last = next((line for line in reversed(lines) if not isinstance(line, (Blank, Comment))), None)
    if last and last.line > LAST_LINE:
        message = f"an entry on line {last.line}: {CronError.TOO_MANY_LINES}"
        yield Finding(last.line, 1, "CB106", message, "split the file")


def _position(data: bytes, offset: int) -> tuple[int, int]:
    start = data.rfind(b"\n", 0, offset) + 1
    column = len(data[start:offset].decode("utf-8", "surrogateescape")) + 1
    return data.count(b"\n", 0, offset) + 1, column


FILE_RULES = (file_name, final_newline, carriage_returns, byte_order_mark, nul_bytes, too_many_lines)
