"""Rules about lines that cron refuses; each gets a finding, so that none goes through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cronbox.model.crontab import Broken, CronError
from cronbox.model.fields import KEYWORDS
from cronbox.model.lint.context import Context, Finding
from cronbox.model.lint.files import BOM
from cronbox.model.lint.problem import Fix

_EXPORT = re.compile(r"[ \t]*(export[ \t]+)[A-Za-z_][A-Za-z0-9_]*[ \t]*=")
_ENV = re.compile(r"[ \t]*(?:[A-Za-z_][\w.-]*|'[^'\n]*'|\"[^\"\n]*\")[ \t]*=[ \t]*(?P<value>[^\n]*)")
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun".replace(" ", "|")
_TIME = re.compile(rf"[0-9*@?~LHh(+-]|(?:{_NAMES})[a-z]*[ \t,/-]", re.IGNORECASE)
_KEYWORD = re.compile(r"@([A-Za-z]+)(?=[ \t])")
_CODES = {
    CronError.USERNAME: "CB112",
    CronError.COMMAND: "CB112",
    CronError.COMMAND_TOO_LONG: "CB115",
    "bad time specifier": "CB111",
}


def refused(line: Broken, context: Context) -> Iterator[Finding]:
    """Says what cron does not like, and what was meant as far as that can be told."""
    if _is_told_elsewhere(line, context):
        return
    if line.cron_error == "bad minute" and (finding := _environment(line, context)):
        yield finding
    elif line.cron_error == "bad minute" and not _TIME.match(line.raw.lstrip(" \t")):
        hint = "write an entry, NAME=VALUE, or # before a comment"
        yield Finding(line.line, line.at, "CB117", "neither an entry nor an environment line", hint)
    elif line.cron_error == "bad time specifier":
        yield Finding(line.line, line.at, "CB111", line.message, line.hint, _lower_case(line, context))
    elif line.cron_error == CronError.COMMAND and "*" in line.message:
        yield Finding(
            line.line, line.at, "CB116", line.message, "a user crontab has five time fields, no user"
        )
    else:
        yield Finding(line.line, line.at, _CODES.get(line.cron_error, "CB110"), line.message, line.hint)


def _is_told_elsewhere(line: Broken, context: Context) -> bool:
    """A byte order mark or a line of carriage returns is an error of its own."""
    return not line.raw.strip(" \t\r\n") or (line.line == line.column == 1 and context.data.startswith(BOM))


def _environment(line: Broken, context: Context) -> Finding | None:
    exported = _EXPORT.match(line.raw)
    if exported:
        start = context.offset(line.line, line.column + exported.start(1))
        fix = Fix(start, start + exported.end(1) - exported.start(1), b"")
        message = "an environment line has no export"
        return Finding(
            line.line, line.column + exported.start(1), "CB202", message, "leave export away", (fix,)
        )
    found = _ENV.match(line.raw)
    if not found:
        return None
    column = line.column + found.start("value")
    value = found["value"].strip(" \t\r\v\f\0")
    if not value:
        start = context.offset(line.line, column)
        fixes = (Fix(start, start, b'""'),)
        return Finding(
            line.line,
            column,
            "CB201",
            "nothing stands behind the =",
            'write NAME="" for an empty value',
            fixes,
        )
    hint = "close the quote and put nothing behind it; inside, use the other kind of quote"
    return Finding(line.line, column, "CB202", "cron cannot read the quotes of this value", hint)


def _lower_case(line: Broken, context: Context) -> tuple[Fix, ...]:
    """`@Daily` can only mean `@daily`."""
    found = _KEYWORD.match(line.raw, line.at - line.column)
    if not found or found[1] in KEYWORDS or found[1].lower() not in KEYWORDS:
        return ()
    start = context.offset(line.line, line.at)
    return (Fix(start, start + len(found[0]), found[0].lower().encode()),)


BROKEN_RULES = (refused,)
