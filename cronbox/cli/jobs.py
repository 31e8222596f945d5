"""Commands on jobs: jobs, pause, resume."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import BoxOrJob, Json, parse_moment, parse_span, parse_target
from cronbox.cli.context import site_of
from cronbox.cli.find import up_to_date
from cronbox.errors import UsageError
from cronbox.model.run import Status

if TYPE_CHECKING:
    from cronbox.ops.status import JobStatus

app = typer.Typer()
PANEL = "Jobs"


@app.command(rich_help_panel=PANEL)
def jobs(
    ctx: typer.Context,
    box: Annotated[
        str | None, typer.Argument(metavar="[BOX]", help="Only of this box.", autocompletion=complete.boxes)
    ] = None,
    json: Json = False,
) -> None:
    """List the jobs: schedules in words, next starts, last results."""
    from cronbox.ops.status import job_statuses

    site = site_of(ctx)
    names = [site.config.box(box).name] if box else []
    up_to_date(site, box)
    statuses = job_statuses(site, names)
    if json:
        show.as_json([status.as_json() for status in statuses])
        return
    if not statuses:
        typer.echo(
            "No jobs yet. Write a line into a file under crontabs/, for example:\n*/15 * * * * root date"
        )
        return
    now = site.now()
    columns = [
        show.Column("JOB"),
        show.Column("SCHEDULE", keep=12),
        show.Column("NEXT", keep=12),
        show.Column("LAST"),
    ]
    rows = (
        (
            status.job.key,
            status.words,
            _next_words(status, now),
            _last(status, now),
        )
        for status in statuses
    )
    show.table(columns, rows)


def _next_words(status: JobStatus, now: datetime) -> str:
    """`in 5 min`, or why there is no start by the schedule at present, and until when."""
    hold = status.held
    if hold is None:
        return show.age(status.next, now=now)
    return hold.why if hold.until is None else f"{show.age(hold.until, now=now)}, {hold.why}"


def _last(status: JobStatus, now: datetime) -> str:
    """How the last run stands, and how many wait beside it."""
    if status.last is None:
        return show.NOTHING
    beside = status.queued - (status.last.status is Status.QUEUED)
    waiting = f", {beside} waiting" if beside else ""
    return f"{status.last.status} {show.age(status.last.at, now=now)}{waiting}"


@app.command(rich_help_panel=PANEL)
def pause(
    ctx: typer.Context,
    target: BoxOrJob,
    span: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="So long: 30m, 2h, 1d.")] = None,
    end: Annotated[
        str | None, typer.Option("--until", metavar="T", help="Until then: 2026-11-23T06:00 or RFC 3339.")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="A reason, for the others.")
    ] = None,
) -> None:
    """Hold back a job, or a whole box, until `resume`; what runs goes on."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    if span and end:
        raise UsageError("--for and --until both say when it ends", hint="give one of them")
    site = site_of(ctx)
    until = _end_of_pause(span, end, site.now())
    runs.pause(site, wanted.box, wanted.job, until=until, why=why)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} is paused{f' until {show.moment_text(until)}' if until else ''}")


def _end_of_pause(span: str | None, end: str | None, now: datetime) -> datetime | None:
    """When it ends; None for a pause without an end. Raises UsageError."""
    if span:
        return now + parse_span(span, option="--for")
    if not end:
        return None
    until = parse_moment(end, now=now, option="--until", ahead=True)
    if until <= now:
        raise UsageError(f"--until {end} is over", hint="name a time that is still to come")
    return until


@app.command(rich_help_panel=PANEL)
def resume(ctx: typer.Context, target: BoxOrJob) -> None:
    """Let a paused job, or box, start by its schedule again."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    site = site_of(ctx)
    runs.resume(site, wanted.box, wanted.job)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} starts by its schedule again")
