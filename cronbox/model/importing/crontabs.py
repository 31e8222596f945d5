"""A user's crontab, or a file as in `/etc/cron.d`: kept line for line, with users put in where none are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cronbox.model.crontab import Blank, Broken, Comment, Crontab, Entry, EnvLine, Line, parse_crontab
from cronbox.model.crontab import Format as CrontabFormat
from cronbox.model.importing.detect import SURE_USERS, is_system_path
from cronbox.model.importing.draft import (
    BoxDraft,
    BoxSettings,
    CrontabDraft,
    Job,
    LeftOut,
    MountDraft,
    Notes,
    Part,
    Place,
    Text,
)
from cronbox.model.importing.hosts import note_command, note_variable
from cronbox.model.importing.lines import box_name, file_name
from cronbox.model.importing.source import Format, Options, Source, default_user, made_users

_BOM = b"\xef\xbb\xbf"
_CRONIE_ZONE = "Debian's cron ignores CRON_TZ, and so does cronbox: the schedule stays as it is"


def draft_crontab(source: Source, format: Format, options: Options, notes: Notes) -> list[BoxDraft]:
    """The box that this crontab becomes."""
    data = _cleaned(source, notes)
    kind: CrontabFormat = "user" if format is Format.CRONTAB else "system"
    crontab = parse_crontab(data, file=source.file, format=kind)
    user = default_user(source, options, notes) if kind == "user" and any(crontab.entries) else ""
    reader = _Reader(crontab, user, notes)
    parts = tuple(part for line in crontab.lines for part in reader.parts(line))
    _note_ignored(crontab, notes)
    if kind == "system" and source.detected and not is_system_path(source.file):
        _note_doubt(crontab, notes)
    box = BoxDraft(
        name=box_name(source.box),
        settings=BoxSettings(mounts=tuple(reader.mounts)),
        users=made_users(reader.users, options, notes),
        crontabs=(CrontabDraft(file_name(source.file.rsplit("/", 1)[-1]), parts),),
    )
    return [box]


def _cleaned(source: Source, notes: Notes) -> bytes:
    """The file without what only an editor put there."""
    data = source.data
    if data.startswith(_BOM):
        data = data.removeprefix(_BOM)
        notes.changed(
            Place(source.file, 1), "the byte order mark is gone: cron reads it as part of the first line"
        )
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        data = re.sub(rb"\r+(?=\n|\Z)", b"", data)
        notes.changed(
            Place(source.file, line), "the carriage returns are gone: cron reads them as part of a command"
        )
    if data and not data.endswith(b"\n"):
        data += b"\n"
        line = data.count(b"\n")
        notes.changed(
            Place(source.file, line), "the last line has its newline now: cron ignores a file without it"
        )
    return data


def _note_doubt(crontab: Crontab, notes: Notes) -> None:
    """Nothing but the look of the entries says that they begin with users."""
    users = sorted({entry.user for entry in crontab.entries})
    if users and not SURE_USERS & set(users):
        what = f"the first word of each command is taken for its user: {', '.join(users[:5])}"
        notes.check(Place(crontab.file), what, "give --from crontab if it is the command")


def _note_ignored(crontab: Crontab, notes: Notes) -> None:
    """Where a line is broken, cron had ignored all others of the file as well."""
    broken = next((line for line in crontab.lines if isinstance(line, Broken)), None)
    if broken and any(crontab.entries):
        what = (
            f"for this line cron ignores the whole file ({broken.cron_error}): none of its jobs was running"
        )
        notes.check(Place(crontab.file, broken.line), what, "see whether all of them should run from now on")


class _Reader:
    """Goes through the lines of a crontab, and keeps what they have in common."""

    def __init__(self, crontab: Crontab, user: str, notes: Notes) -> None:
        self.file = crontab.file
        self.user = user
        self.notes = notes
        self.users: list[tuple[str, Place]] = []
        self.mounts: list[MountDraft] = []
        self.taken = {
            comment.line
            for line in crontab.lines
            if isinstance(line, (Entry, Broken))
            for comment in line.directives
        }

    def parts(self, line: Line) -> Iterator[Part]:
        """What a line becomes."""
        place = Place(self.file, line.line)
        match line:
            case Entry():
                yield self._entry(line, place)
            case Broken():
                yield self._broken(line, place)
            case EnvLine():
                self._note_variable(line, place)
                yield _one_line(place, line.raw, "an environment line of several lines")
            case Comment() if line.line in self.taken:
                return
            case Blank() | Comment() | _:
                yield Text(place, line.raw.strip(" \t\n\0"))

    def _entry(self, entry: Entry, place: Place) -> Part:
        user = entry.user or self.user
        before, after = (
            entry.raw[: entry.text_column - entry.column],
            entry.raw[entry.text_column - entry.column :],
        )
        line = entry.raw if entry.user else f"{before}{user} {after}"
        line = line.removesuffix("\n").split("\0")[0].lstrip(" \t")
        if "\n" in line or "\r" in line:
            todo = "write it anew: cron reads it otherwise than it looks"
            self.notes.entry(place, "a line break stands inside the entry", todo)
            return LeftOut(place, "a line break stands inside it", tuple(line.splitlines()))
        self.users.append((user, place))
        self.mounts += note_command(entry.command, place, self.notes)
        return Job(place, line, tuple(comment.text for comment in entry.directives))

    def _broken(self, line: Broken, place: Place) -> LeftOut:
        todo = line.hint or "put it right in the new crontab"
        self.notes.entry(place, f"cron refuses this line: {line.message}", todo)
        text = line.raw.rstrip("\n")
        directives = tuple(comment.text for comment in line.directives)
        return LeftOut(place, line.message, (*directives, *text.split("\n")))

    def _note_variable(self, line: EnvLine, place: Place) -> None:
        note_variable(line.name, line.value, place, self.notes)
        if line.name == "CRON_TZ":
            todo = f"if another cron ran it, set `timezone` of the box to {line.value}"
            self.notes.check(place, _CRONIE_ZONE, todo)


def _one_line(place: Place, raw: str, reason: str) -> Part:
    text = raw.removesuffix("\n").split("\0")[0].strip(" \t")
    return LeftOut(place, reason, tuple(text.splitlines())) if "\n" in text else Text(place, text)
