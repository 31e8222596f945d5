"""Shell completion. Whatever is wrong, it offers nothing: a prompt is no place for errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import typer

from cronbox.cli.context import Project, open_project


def boxes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of boxes."""
    return _quietly(lambda: (name for name in _project(ctx).config.boxes), incomplete)


def job_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """`box/job`."""
    return _quietly(lambda: _jobs(_project(ctx), incomplete), incomplete)


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Boxes, and their jobs once the slash is there."""
    return job_names(ctx, incomplete) if "/" in incomplete else boxes(ctx, incomplete)


def run_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of the latest runs."""

    def recent() -> Iterator[str]:
        yield from (run.id for run in _project(ctx).site.store.runs())

    return _quietly(recent, incomplete)


def _project(ctx: typer.Context) -> Project:
    """The project while completing: the group's callback has not run, only its options are parsed."""
    return Project(ctx.find_root().params.get("config"), open_project)


def _jobs(project: Project, incomplete: str) -> Iterator[str]:
    from cronbox.ops.crontabs import read_crontabs

    box, _, _ = incomplete.partition("/")
    for config in project.config.boxes.values():
        if config.name == box or "/" not in incomplete:
            yield from (job.key for job in read_crontabs(project.config, config, None).jobs)


def _quietly(offer: Callable[[], Iterator[str]], incomplete: str) -> list[str]:
    with suppress(Exception):
        return [word for word in offer() if word.startswith(incomplete)]
    return []
