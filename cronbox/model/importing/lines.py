"""The lines of a crontab, made so that cron reads back exactly what was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from cronbox.model.crontab import LONGEST_COMMAND, LONGEST_ENV_LINE, EnvLine, decode_command, parse_crontab
from cronbox.model.durations import format_duration
from cronbox.model.settings import read_setting
from cronbox.model.values import JOB_NAME

_BACKSLASHES = re.compile(r"(\\+)(%?)|%")
_UNWRITABLE = re.compile(r"[\n\r\0]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BARE = re.compile(r"[^\s\"'=]+")
_PLAIN_COMMAND = re.compile(r"[\w@%+=:,./ -]+", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_IN_BOX_NAMES = re.compile(r"[^a-z0-9_-]+")
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


def command_text(command: str) -> str | None:
    """The command as it stands in a crontab, or None where it cannot: too long, several lines, empty."""
    if _UNWRITABLE.search(command) or not command.strip():
        return None
    text = _BACKSLASHES.sub(_escaped, command)
    if len(text.encode("utf-8", "surrogateescape")) > LONGEST_COMMAND or decode_command(text)[0] != command:
        return None
    return text


def _escaped(found: re.Match[str]) -> str:
    r"""cron takes one backslash away from `\\` and from `\%`, and leaves every other one."""
    run, percent = found[1] or "", found[2] or ("" if found[1] else "%")
    doubled = run * 2 if len(run) > 1 or percent else run
    return doubled + (r"\%" if percent else "")


def env_line(name: str, value: str) -> str | None:
    """`NAME=VALUE` that gives a job exactly this value, or None where no line can."""
    if not _IDENTIFIER.fullmatch(name) or _UNWRITABLE.search(value):
        return None
    for line in (f"{name}={value}", f'{name}="{value}"', f"{name}='{value}'"):
        data = f"{line}\n".encode("utf-8", "surrogateescape")
        read = parse_crontab(data, file="").lines
        if len(data) > LONGEST_ENV_LINE or len(read) != 1 or not isinstance(read[0], EnvLine):
            continue
        if (read[0].name, read[0].value) == (name, value):
            return line
    return None


def directive_lines(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The `# cronbox:` comment of these settings, in their order."""
    words = " ".join(f"{key}={_quoted(value)}" for key, value in settings.items())
    return (f"# cronbox: {words}",) if words else ()


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_offered(key: str, value: str) -> bool:
    """Whether this cronbox knows such a setting of a job."""
    try:
        read_setting(key, value)
    except ValueError:
        return False
    return True


def seconds(count: float) -> str:
    """A duration as directives write it."""
    return format_duration(count)


def joined(words: list[str]) -> str:
    """A command for a shell that gets exactly these words."""
    return " ".join(
        word if _PLAIN_COMMAND.fullmatch(word) and " " not in word else shlex.quote(word) for word in words
    )


def job_name(text: str) -> str:
    """A name that a directive can give, as near to this one as it can be."""
    name = _NOT_IN_NAMES.sub("-", text).strip("-._")[:64].rstrip("-._")
    return name if JOB_NAME.fullmatch(name) else "job"


def box_name(text: str) -> str:
    """A name that a box can have, as near to this one as it can be."""
    name = _NOT_IN_BOX_NAMES.sub("-", text.lower()).strip("-_")[:63].strip("-_")
    return name or "jobs"


def file_name(text: str) -> str:
    """A name that cron reads, as near to this one as it can be."""
    name = _NOT_IN_FILE_NAMES.sub("-", text).strip("-")[:100].strip("-")
    return name or "jobs"


def free_name(wanted: str, taken: set[str], longest: int = 63) -> str:
    """The name, with a number behind it where it is taken; it is taken from now on."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        suffix = f"-{count}"
        name = wanted[: longest - len(suffix)] + suffix
    taken.add(name)
    return name
