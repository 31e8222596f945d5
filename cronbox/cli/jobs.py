"""Commands on jobs: jobs, pause, resume."""

from __future__ import annotations

from typing import Annotated

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import BoxOrJob, Json, parse_span, parse_target
from cronbox.cli.context import site_of
from cronbox.cli.find import up_to_date

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
        show.Column("NEXT"),
        show.Column("LAST"),
    ]
    rows = (
        (
            status.job.key,
            status.words,
            "paused" if status.paused else show.age(status.next, now=now),
            f"{status.last.status} {show.age(status.last.at, now=now)}" if status.last else show.NOTHING,
        )
        for status in statuses
    )
    show.table(columns, rows)


@app.command(rich_help_panel=PANEL)
def pause(
    ctx: typer.Context,
    target: BoxOrJob,
    span: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="So long: 30m, 2h, 1d.")] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="A reason, for the others.")
    ] = None,
) -> None:
    """Hold back a job, or a whole box, until `resume`; what runs goes on."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    length = parse_span(span, option="--for") if span else None
    site = site_of(ctx)
    until = site.now() + length if length else None
    runs.pause(site, wanted.box, wanted.job, until=until, why=why)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} is paused{f' until {show.moment_text(until)}' if until else ''}")


@app.command(rich_help_panel=PANEL)
def resume(ctx: typer.Context, target: BoxOrJob) -> None:
    """Let a paused job, or box, start by its schedule again."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    site = site_of(ctx)
    runs.resume(site, wanted.box, wanted.job)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} starts by its schedule again")
