"""Rules about environment lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cronbox.model.crontab import LONGEST_ENV_LINE, EnvLine
from cronbox.model.lint.context import Context, Finding

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXPANDED = re.compile(r"\$(?:[A-Za-z_{(])|`[^`]*`|(?:^|:)~(?=/|:|$)")
_COMMENT = re.compile(r"(?<=[ \t])#")
_MAIL = frozenset({"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"})
_ZONES = frozenset({"CRON_TZ", "TZ"})


def too_long(line: EnvLine, context: Context) -> Iterator[Finding]:
    """cron cuts the line off, and neither says so."""
    size = len(line.raw.strip(" \t\n\0").encode("utf-8", "surrogateescape"))
    if size > LONGEST_ENV_LINE:
        message = f"the line has {size} bytes, cron keeps {LONGEST_ENV_LINE} of them"
        yield Finding(
            line.line, line.column, "CB203", message, "shorten it, or set it in the script or in config.toml"
        )


def odd_name(line: EnvLine, context: Context) -> Iterator[Finding]:
    """cron takes anything for a name, so `5=3` or a time field with `=` behind it becomes a variable."""
    if not _IDENTIFIER.fullmatch(line.name):
        hint = "use letters, digits and _; if this is meant as an entry, see what stands before the ="
        yield Finding(
            line.line, line.name_column, "CB204", f"{line.name[:40]!r} is no name for a variable", hint
        )


def expansion(line: EnvLine, context: Context) -> Iterator[Finding]:
    """`PATH=$HOME/bin` gives the job the text `$HOME/bin`."""
    found = _EXPANDED.search(line.value)
    if found:
        word = found[0].lstrip(":")
        message = f"cron does not expand {word!r}: the job gets it as it stands"
        yield Finding(
            line.line, line.value_column, "CB205", message, "write the value out, or set it in the script"
        )


def quotes(line: EnvLine, context: Context) -> Iterator[Finding]:
    """Blanks at the end go even inside quotes; a second pair of quotes is taken off; inner quotes stay."""
    if line.quote:
        inner = line.raw[line.value_column - line.column :].rstrip(" \t\n\r\v\f\0")[:-1]
        if inner != line.value:
            message = f"cron makes {line.value!r} of it: blanks at the end and a second pair of quotes go"
            yield Finding(
                line.line, line.value_column, "CB206", message, "quote once, without blanks at the end"
            )
    elif '"' in line.value or "'" in line.value:
        message = "these quotes become part of the value"
        yield Finding(line.line, line.value_column, "CB206", message, "quote the whole value, or nothing")


def comment(line: EnvLine, context: Context) -> Iterator[Finding]:
    """There are no comments behind a value."""
    if not line.quote and (found := _COMMENT.search(line.value)):
        column = line.value_column + found.start()
        yield Finding(
            line.line, column, "CB207", "this comment is part of the value", "put it on a line of its own"
        )


def time_zone(line: EnvLine, context: Context) -> Iterator[Finding]:
    """Debian's cron has no CRON_TZ, and TZ goes to the job only."""
    if line.name in _ZONES:
        message = f"{line.name} does not move the schedule" + (
            ", only the job's own clock" if line.name == "TZ" else ""
        )
        yield Finding(
            line.line, line.name_column, "CB208", message, "set `timezone` of the box in config.toml"
        )


def mail(line: EnvLine, context: Context) -> Iterator[Finding]:
    """cronbox keeps the output; nothing is mailed."""
    if line.name in _MAIL:
        message = f"{line.name} does nothing here: cronbox keeps the output and mails nothing"
        yield Finding(
            line.line, line.name_column, "CB209", message, "remove the line; `cronbox logs` shows the output"
        )


def shell(line: EnvLine, context: Context) -> Iterator[Finding]:
    """SHELL is executed as it stands, without a PATH and without arguments (`do_command.c`)."""
    if line.name == "SHELL" and not re.fullmatch(r"/\S+", line.value):
        message = f"SHELL is {line.value!r}, not the absolute path of a shell"
        yield Finding(line.line, line.value_column, "CB210", message, "write /bin/bash, without arguments")


def logname(line: EnvLine, context: Context) -> Iterator[Finding]:
    """cron sets LOGNAME last."""
    if line.name == "LOGNAME":
        message = "cron always sets LOGNAME to the entry's user"
        yield Finding(line.line, line.name_column, "CB211", message, "remove the line")


ENVIRONMENT_RULES = (too_long, odd_name, expansion, quotes, comment, time_zone, mail, shell, logname)
