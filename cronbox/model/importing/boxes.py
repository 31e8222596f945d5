"""From jobs that each know what box they need to as few boxes as that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cronbox.model.importing.draft import (
    BoxDraft,
    BoxSettings,
    CrontabDraft,
    Job,
    LeftOut,
    Notes,
    Part,
    Place,
)
from cronbox.model.importing.lines import (
    box_name,
    command_text,
    directive_lines,
    file_name,
    free_name,
    job_name,
)
from cronbox.model.importing.source import Options, made_users

SCRIPTS = "/scripts"
LONGEST_JOB_NAME = 64


@dataclass(frozen=True, slots=True)
class Placed:
    """A job's part of a crontab, and the box around it."""

    box: str
    settings: BoxSettings
    crontab: str
    parts: tuple[Part, ...]
    users: tuple[tuple[str, Place], ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job as a source describes it; `times` may be several entries."""

    place: Place
    name: str
    times: tuple[str, ...]
    user: str
    command: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A job's entries, and the script that its command became where it is no single line."""

    parts: tuple[Part, ...]
    scripts: tuple[tuple[str, str], ...] = ()


def written(job: Wanted, taken: set[str], notes: Notes) -> Written:
    """The job as entries of a crontab; its name is told where it had to change."""
    scripts: tuple[tuple[str, str], ...] = ()
    name = free_name(job_name(job.name), taken, LONGEST_JOB_NAME)
    if name != job.name:
        notes.changed(job.place, f"the job {job.name!r} is called {name}")
    text = command_text(job.command)
    if text is None:
        scripts = ((f"{file_name(name)}.sh", f"{job.command.rstrip()}\n"),)
        text = f"/bin/sh {SCRIPTS}/{scripts[0][0]}"
        notes.changed(job.place, f"the command is no line of a crontab: it stands in {scripts[0][0]}")
    entries = []
    for index, times in enumerate(job.times):
        own = name if index == 0 else free_name(name, taken, LONGEST_JOB_NAME)
        directives = directive_lines({"name": own, **dict(job.settings)})
        entries.append(Job(job.place, f"{times} {job.user} {text}", directives))
    return Written(tuple(entries), scripts)


def left_out(place: Place, what: str, todo: str, lines: Sequence[str], notes: Notes) -> tuple[Part, ...]:
    """An entry that is written as a comment and told."""
    notes.entry(place, what, todo)
    return (LeftOut(place, what, tuple(lines)),)


def gathered(jobs: Iterable[Placed], options: Options, notes: Notes) -> list[BoxDraft]:
    """Jobs that need the same box share one; in it, those of one crontab's name share a file."""
    groups: dict[tuple[str, BoxSettings], list[Placed]] = {}
    for job in jobs:
        groups.setdefault((box_name(job.box), job.settings), []).append(job)
    taken: set[str] = set()
    return [
        BoxDraft(
            name=free_name(name, taken),
            settings=settings,
            users=made_users((user for job in group for user in job.users), options, notes),
            crontabs=_crontabs(group),
            scripts=tuple(script for job in group for script in job.scripts),
        )
        for (name, settings), group in groups.items()
    ]


def _crontabs(group: Sequence[Placed]) -> tuple[CrontabDraft, ...]:
    files: dict[str, tuple[Part, ...]] = {}
    for job in group:
        name = file_name(job.crontab)
        files[name] = files.get(name, ()) + job.parts
    return tuple(CrontabDraft(name, parts) for name, parts in files.items())


def merged(boxes: Iterable[tuple[BoxDraft, bool]]) -> tuple[BoxDraft, ...]:
    """The boxes of several sources. Those marked True share a box with others of their name and settings."""
    found: list[BoxDraft] = []
    taken: set[str] = set()
    shared: dict[tuple[str, BoxSettings], int] = {}
    for box, sharing in boxes:
        key = (box.name, replace(box.settings, mounts=()))
        if sharing and key in shared:
            found[shared[key]] = _together(found[shared[key]], box)
            continue
        if sharing:
            shared[key] = len(found)
        found.append(replace(box, name=free_name(box.name, taken)))
    return tuple(found)


def _together(one: BoxDraft, other: BoxDraft) -> BoxDraft:
    taken = {crontab.name for crontab in one.crontabs}
    renamed = tuple(replace(crontab, name=free_name(crontab.name, taken)) for crontab in other.crontabs)
    mounts = tuple(dict.fromkeys((*one.settings.mounts, *other.settings.mounts)))
    return replace(
        one,
        settings=replace(one.settings, mounts=mounts),
        users=tuple(dict.fromkeys((*one.users, *other.users))),
        crontabs=(*one.crontabs, *renamed),
    )
