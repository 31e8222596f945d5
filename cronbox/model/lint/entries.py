"""Rules about the user of an entry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cronbox.model.crontab import Entry
from cronbox.model.lint.context import Context, Finding

_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@-]*\$?", re.ASCII)


def user(entry: Entry, context: Context) -> Sequence[Finding]:
    """cron looks the user up when it loads the file, and ignores the file if there is none."""
    if context.crontab.format != "system" or (context.users and entry.user in context.users):
        return ()
    if not _USER.fullmatch(entry.user) or entry.user.isdigit():
        message = f"{entry.user[:40]!r} cannot be a user's name"
        hint = "five time fields, then USER, then COMMAND; a number or user:group is no user"
        return (Finding(entry.line, entry.user_column, "CB114", message, hint),)
    if context.users is not None and entry.user not in context.users:
        message = f"there is no user {entry.user!r}, so cron would ignore the whole file"
        hint = "create the user in the box's image, or name another; the user stands before the command"
        return (Finding(entry.line, entry.user_column, "CB113", message, hint),)
    return ()


ENTRY_RULES = (user,)
