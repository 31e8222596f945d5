"""From sources to one draft of a project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import assert_never

from cronbox.model.importing.boxes import merged
from cronbox.model.importing.crontabs import draft_crontab
from cronbox.model.importing.documents import Unreadable
from cronbox.model.importing.draft import BoxDraft, Draft, Notes
from cronbox.model.importing.kubernetes import draft_kubernetes
from cronbox.model.importing.ofelia_files import draft_ini, draft_labels
from cronbox.model.importing.source import Format, Options, Source
from cronbox.model.importing.supercronic import draft_supercronic

_CRON_READS = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_CRONTABS = (Format.CRONTAB, Format.CRON_D, Format.SUPERCRONIC)


def translate(sources: Sequence[tuple[Source, Format]], options: Options) -> Draft:
    """What an import of these comes to. Raises Unreadable for a source that is not of its format."""
    notes = Notes()
    boxes = [
        (box, format in _CRONTABS)
        for source, format in sources
        for box in _drafted(source, format, options, notes)
    ]
    return Draft(merged(boxes), tuple(notes.found))


def _drafted(source: Source, format: Format, options: Options, notes: Notes) -> list[BoxDraft]:
    try:
        return list(_boxes(source, format, options, notes))
    except Unreadable as error:
        error.file = source.file
        raise


def _boxes(source: Source, format: Format, options: Options, notes: Notes) -> Iterator[BoxDraft]:
    if format is Format.CRON_D and source.found and not _CRON_READS.fullmatch(source.file.rsplit("/", 1)[-1]):
        todo = "import it by itself if its jobs should run from now on"
        notes.entry(
            source.place, "cron does not read a file of this name, so none of its jobs was running", todo
        )
        return
    match format:
        case Format.CRONTAB | Format.CRON_D:
            yield from draft_crontab(source, format, options, notes)
        case Format.SUPERCRONIC:
            yield from draft_supercronic(source, options, notes)
        case Format.KUBERNETES:
            yield from draft_kubernetes(source, options, notes)
        case Format.OFELIA:
            yield from _ofelia(source, options, notes)
        case _:
            assert_never(format)


def _ofelia(source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """Its INI file begins with a section or a comment; YAML and JSON have no such sections."""
    draft = draft_ini if _is_ini(source.text) else draft_labels
    return draft(source, options, notes)


def _is_ini(text: str) -> bool:
    first = next(
        (line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"), ""
    )
    return (
        first.startswith("[")
        and first.split(";")[0].split("#")[0].rstrip().endswith("]")
        and first[1:2].isalpha()
    )
