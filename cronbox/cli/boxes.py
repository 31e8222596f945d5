"""Commands on boxes: up, down, restart, ps, sync, cat, exec, shell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from cronbox.cli import show
from cronbox.cli.args import Box, Boxes, Json
from cronbox.cli.context import site_of
from cronbox.cli.find import up_to_date
from cronbox.errors import UsageError

if TYPE_CHECKING:
    from cronbox.ops.status import BoxStatus

app = typer.Typer()
PANEL = "Boxes"


@app.command(rich_help_panel=PANEL)
def up(ctx: typer.Context, boxes: Boxes = None) -> None:
    """Make the boxes what config.toml and the crontabs say."""
    from cronbox.ops import boxes as verbs

    site = site_of(ctx)
    if not site.config.boxes:
        typer.echo("No boxes yet. Put a crontab file into crontabs/NAME/, then try again.")
        return
    with _progress() as report:
        verbs.up(site, boxes or (), report)


@app.command(rich_help_panel=PANEL)
def down(
    ctx: typer.Context,
    boxes: Boxes = None,
    volumes: bool = typer.Option(False, "--volumes", help="Remove their logs and data too."),
) -> None:
    """Stop and remove boxes; running jobs get their grace."""
    from cronbox.ops import boxes as verbs

    with _progress() as report:
        verbs.down(site_of(ctx), boxes or (), report, volumes=volumes)


@app.command(rich_help_panel=PANEL)
def restart(ctx: typer.Context, boxes: Boxes = None) -> None:
    """Stop boxes and start them again."""
    from cronbox.ops import boxes as verbs

    with _progress() as report:
        verbs.restart(site_of(ctx), boxes or (), report)


@app.command(rich_help_panel=PANEL)
def sync(ctx: typer.Context, boxes: Boxes = None) -> None:
    """Install the crontabs without touching the containers."""
    from cronbox.ops import boxes as verbs

    with _progress() as report:
        verbs.sync(site_of(ctx), boxes or (), report)


@app.command(rich_help_panel=PANEL)
def ps(
    ctx: typer.Context,
    size: bool = typer.Option(False, "--size", help="Also how much disk each takes."),
    json: Json = False,
) -> None:
    """List the boxes and how they are."""
    from cronbox.model.durations import format_size
    from cronbox.ops.status import box_statuses

    site = site_of(ctx)
    up_to_date(site, None)
    statuses = box_statuses(site, with_size=size)
    if json:
        show.as_json([status.as_json() for status in statuses])
        return
    if not statuses:
        typer.echo("No boxes yet. Put a crontab file into crontabs/NAME/ and run `cronbox up`.")
        return
    now = site.now()
    columns = [show.Column("BOX", keep=10), show.Column("STATE")]
    columns += [show.Column("REL", right=True), show.Column("CRON"), show.Column("CRONTAB")]
    columns += [show.Column("RUN", right=True), show.Column("NEXT"), show.Column("LAST FAILURE", keep=12)]
    show.table(
        columns,
        (
            (
                status.box,
                status.state,
                str(status.release or show.NOTHING),
                _alive(status.cron),
                _crontab(status),
                f"{status.running}+{status.queued}" if status.queued else str(status.running),
                show.age(status.next_due, now=now),
                " ".join(filter(None, (show.age(status.last_failure, now=now), status.failed_job))),
            )
            for status in statuses
        ),
    )
    for status in statuses:
        if status.size is not None:
            written, image = format_size(status.size.written), format_size(status.size.image)
            typer.echo(f"{status.box}: {written} written, {image} image")
        if status.problem:
            typer.echo(f"{status.box}: {show.printable(status.problem)}")
        for condition in status.conditions:
            since = show.age(condition.since, now=now)
            typer.echo(
                f"{condition.target}: {condition.kind} since {since}: {show.printable(condition.text)}"
            )
        for hold in status.holds:
            target = f"{status.box}/{hold.job}" if hold.job else status.box
            typer.echo(f"{target}: {show.printable(show.hold_words(hold))}")


def _alive(cron: bool | None) -> str:
    return {True: "alive", False: "dead", None: show.NOTHING}[cron]


def _crontab(status: BoxStatus) -> str:
    """How the crontab stands, in a word."""
    if status.drift or status.state not in ("running", "degraded", "paused", "draining"):
        return status.drift or show.NOTHING
    return {True: "loaded", False: "not loaded", None: "loading"}[status.loaded]


@app.command(rich_help_panel=PANEL)
def cat(
    ctx: typer.Context,
    box: Box,
    installed: bool = typer.Option(False, "--installed", help="What is installed in the box now."),
) -> None:
    """Show the crontab that a box should have, or the one it has."""
    from cronbox.ops.crontabs import bundle_of, read_crontabs
    from cronbox.ops.inside import installed_crontab

    site = site_of(ctx)
    if installed:
        typer.echo(installed_crontab(site, box), nl=False)
        return
    config = site.config.box(box)
    typer.echo(bundle_of(config, read_crontabs(site.config, config, None)).crontab, nl=False)


@app.command(
    name="exec",
    rich_help_panel=PANEL,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def exec_(
    ctx: typer.Context,
    box: Box,
    command: list[str] = typer.Argument(..., metavar="-- CMD...", help="The command and its arguments."),
    user: str = typer.Option("root", "-u", "--user", help="As this user of the box."),
) -> None:
    """Run a command in a box; ends with its exit code."""
    from cronbox.ops.inside import step_inside

    command = command[1:] if command[0] == "--" else command
    if not command:
        raise UsageError("no command to run", hint="write it behind --, as in `cronbox exec etl -- id`")
    raise typer.Exit(step_inside(site_of(ctx), box, command, user=user, tty=_on_a_terminal()))


@app.command(rich_help_panel=PANEL)
def shell(
    ctx: typer.Context,
    box: Box,
    user: str = typer.Option("root", "-u", "--user", help="As this user of the box."),
) -> None:
    """Open a shell in a box; ends with its exit code."""
    from cronbox.ops.inside import step_inside

    raise typer.Exit(step_inside(site_of(ctx), box, ["bash"], user=user, tty=_on_a_terminal()))


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows each line of progress: plain, and under a spinner where there is a terminal."""
    if not sys.stdout.isatty():
        yield typer.echo
        return
    from rich.console import Console

    console = Console(highlight=False)
    with console.status("working") as status:

        def report(line: str) -> None:
            status.update(show.printable(line)[: console.width - 4])
            console.print(show.printable(line), markup=False)

        yield report
