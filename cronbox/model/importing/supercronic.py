"""A supercronic crontab: no users, seconds and years, and an environment that holds for the whole file."""

from __future__ import annotations

import re

from cronbox.model.importing.cronexpr import split_line, translate_cronexpr
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
from cronbox.model.importing.environment import Variable, placed
from cronbox.model.importing.hosts import note_command
from cronbox.model.importing.lines import box_name, command_text, file_name
from cronbox.model.importing.source import Options, Source, default_user, known_zone, made_users
from cronbox.model.importing.times import Untranslatable

_ENV = re.compile(r"([^\s=]+)\s*=\s*(.*)")
TOO_LONG = "the command does not fit on a line of a crontab"
INTO_A_SCRIPT = "move it into a script, and run that"


def draft_supercronic(source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """The box that this crontab becomes."""
    reader = _Reader(source, options, notes)
    for number, line in enumerate(source.text.split("\n"), 1):
        reader.read(Place(source.file, number), line.removesuffix("\r").lstrip(" \t"))
    while reader.parts and reader.parts[-1] == Text(reader.parts[-1].place, ""):
        reader.parts.pop()
    zone, zone_place = reader.environ.pop("CRON_TZ", (None, source.place))
    given = [Variable(name, value, place) for name, (value, place) in reader.environ.items()]
    variables = placed(given, notes, secrets_in_lines=True)
    name = file_name(source.file.rsplit("/", 1)[-1])
    box = BoxDraft(
        name=box_name(source.box),
        settings=BoxSettings(
            mounts=tuple(reader.mounts),
            env=variables.env,
            timezone=known_zone(zone, zone_place, options, notes),
        ),
        users=made_users(reader.users, options, notes),
        crontabs=(CrontabDraft(name, (*variables.lines, *reader.parts)),),
    )
    return [box]


class _Reader:
    """Goes through the lines; the environment is written over all entries, as supercronic applies it."""

    def __init__(self, source: Source, options: Options, notes: Notes) -> None:
        self.notes = notes
        self.source = source
        self.options = options
        self.user: str | None = options.user
        self.environ: dict[str, tuple[str, Place]] = {}
        self.users: list[tuple[str, Place]] = []
        self.mounts: list[MountDraft] = []
        self.parts: list[Part] = []

    def read(self, place: Place, line: str) -> None:
        if not line or line.startswith("#"):
            self.parts.append(Text(place, line))
        elif found := _ENV.fullmatch(line):
            self._variable(place, found[1], found[2])
        else:
            self.parts.append(self._entry(place, line))

    def _variable(self, place: Place, name: str, value: str) -> None:
        """supercronic takes one pair of quotes away, and falls over an empty value."""
        if not value:
            self.notes.left_out(
                place, f"{name} has no value, which ends supercronic", f'write {name}="" if it is meant'
            )
            return
        if len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]:
            value = value[1:-1]
        if name in self.environ and self.environ[name][0] != value:
            what = f"{name} is set twice; supercronic lets the last one hold for the whole file"
            self.notes.check(place, what, "see whether that is meant")
        self.environ[name] = (value, place)

    def _entry(self, place: Place, line: str) -> Part:
        found = split_line(line)
        if not found:
            return self._left_out(
                place, line, "supercronic refuses this line", "put it right in the new crontab"
            )
        try:
            times = translate_cronexpr(found.fields)
        except Untranslatable as error:
            return self._left_out(place, line, error.what, error.todo)
        text = command_text(found.command)
        if text is None:
            return self._left_out(place, line, TOO_LONG, INTO_A_SCRIPT)
        for change in times.changes:
            self.notes.changed(place, change)
        self.user = self.user or default_user(self.source, self.options, self.notes)
        self.users.append((self.user, place))
        self.mounts += note_command(found.command, place, self.notes)
        return Job(place, f"{times.entries[0]} {self.user} {text}")

    def _left_out(self, place: Place, line: str, what: str, todo: str) -> LeftOut:
        self.notes.entry(place, what, todo)
        return LeftOut(place, what, (line,))
