"""What kind of source a file is, by what stands in it."""

from __future__ import annotations

import re

from cronbox.model.crontab import Entry, parse_crontab
from cronbox.model.importing.cronexpr import split_line
from cronbox.model.importing.source import Format, Source

_OFELIA_SECTION = re.compile(
    r'^[ \t]*\[[ \t]*(?:job-(?:exec|run|local|service-run)[ \t]*"|global[ \t]*\])', re.M | re.I
)
_CRONJOB = re.compile(
    r"""(?:^|[{,\s-])["']?kind["']?[ \t]*:[ \t]*["']?(?:CronJob|CronJobList|List)\b""", re.M
)
_LABEL = re.compile(r"\bofelia\.(?:job-|enabled|service)")
_SYSTEM_PATHS = re.compile(r"(?:\A|/)etc/(?:crontab\Z|cron\.d/)")
_USER_PATHS = re.compile(r"(?:\A|/)(?:spool/cron|crontabs)/[^/]*\Z")
_NAME = re.compile(r"[a-z_][a-z0-9_-]*", re.ASCII)
SURE_USERS = frozenset({"root", "www-data", "nobody"})
_TIME_FIELD = re.compile(r"[0-9*?/,-]+")
_LIKE_A_PROGRAM = re.compile(r"[/~$.\"'\[({]|[A-Za-z_][A-Za-z0-9_]*=|(?:cd|python3?|php|bash|sh|test|root)\Z")


def detect(source: Source) -> Format | None:
    """The format, or None where nothing in it tells."""
    text = source.text
    if _OFELIA_SECTION.search(text):
        return Format.OFELIA
    if _CRONJOB.search(text):
        return Format.KUBERNETES
    if _LABEL.search(text) and not _entries(source):
        return Format.OFELIA
    return _crontab(source)


def is_system_path(file: str) -> bool:
    """Whether cron itself reads the file as one with users."""
    return _SYSTEM_PATHS.search(file) is not None


def _crontab(source: Source) -> Format | None:
    if is_system_path(source.file):
        return Format.CRON_D
    lines = [line.strip() for line in source.text.splitlines()]
    entries = [line for line in lines if line and line[0] in "*0123456789@" and "=" not in line.split()[0]]
    if any(_needs_supercronic(line) for line in entries):
        return Format.SUPERCRONIC
    found = _entries(source)
    if not found:
        return None
    if _USER_PATHS.search(source.file):
        return Format.CRONTAB
    return Format.CRON_D if all(_names_a_user(entry) for entry in found) else Format.CRONTAB


def _entries(source: Source) -> list[Entry]:
    """The entries of the file as a user's crontab: of another, each command begins with its user."""
    return list(parse_crontab(source.data, file=source.file, format="user").entries)


def _needs_supercronic(line: str) -> bool:
    """Whether six or seven time fields stand there, or a word that only supercronic knows."""
    words = line.split()
    return len(words) > 6 and bool(_TIME_FIELD.fullmatch(words[5])) and split_line(line) is not None


def _names_a_user(entry: Entry) -> bool:
    """Whether the command begins with somebody's name, and what follows is a command too.

    Some of Debian's users are called like commands (`backup`, `sync`), so a known name alone is not enough.
    """
    user, _, command = entry.text.partition(" ")
    if not command.strip() or not _NAME.fullmatch(user):
        return False
    return user in SURE_USERS or _LIKE_A_PROGRAM.match(command.lstrip()) is not None
