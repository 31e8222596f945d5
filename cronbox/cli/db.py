"""Commands on the database: db upgrade, check, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.context import site_of

app = typer.Typer()
db = typer.Typer(no_args_is_help=True)
app.add_typer(
    db, name="db", rich_help_panel="Project", help="Look after the database: upgrade, check, backup, restore."
)


@db.command()
def upgrade(ctx: typer.Context) -> None:
    """Bring the database to the schema that this cronbox needs, and say from which."""
    from cronbox.ops import database

    before, after = database.upgrade(site_of(ctx).config)
    if before == after:
        typer.echo(f"schema {after} is what this cronbox needs; nothing to do")
    else:
        typer.echo(f"schema {before or 'none'} -> {after}")


@db.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Look the whole database over; ends with 1 if anything is wrong with it."""
    from cronbox.ops import database

    found = database.check(site_of(ctx).config)
    if json:
        show.as_json(found.as_json())
    else:
        for problem in found.problems:
            typer.echo(show.printable(problem))
        if found.cure:
            typer.echo(found.cure)
        rows = ", ".join(f"{number} {name}" for name, number in found.rows.items())
        if not found.problems:
            typer.echo(f"sound: schema {found.schema}, {rows}")
    raise typer.Exit(1 if found.problems else 0)


@db.command()
def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
) -> None:
    """Write the database to a new file, as it is at one moment; the daemon goes on meanwhile."""
    from cronbox.model.durations import format_size
    from cronbox.ops import database

    database.save(site_of(ctx).config, file)
    typer.echo(f"wrote {file}, {format_size(file.stat().st_size)}")


@db.command()
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `db backup` wrote.")],
    force: bool = typer.Option(False, "--force", help="In the place of the data that is there."),
) -> None:
    """Put a backup in the place of the database, whole or not at all; no daemon may run."""
    from cronbox.ops import database

    aside = database.bring_back(site_of(ctx), file, force=force)
    if aside is not None:
        typer.echo(f"what was there could not be used; it is {aside} now")
    before, after = database.upgrade(site_of(ctx).config)
    typer.echo(f"restored {file}" + ("" if before == after else f", and schema {before} -> {after}"))
