"""`cronbox prune`: let go by hand of what `[retention]` does not keep."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.context import site_of
from cronbox.cli.fail import note
from cronbox.errors import NoEngine
from cronbox.model.durations import format_size

app = typer.Typer()


@app.command(rich_help_panel="Project")
def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Delete runs, output and images that config.toml does not keep, as the daemon does."""
    from cronbox.ops.retain import old_releases, retain, retain_releases, to_prune

    site = site_of(ctx)
    gone = to_prune(site) if dry_run else retain(site)
    images: list[str] | None = None
    try:
        images = [image.tag for image in old_releases(site)] if dry_run else retain_releases(site)
    except NoEngine as error:
        note(f"images are left alone: {error.message}")
    answer = {"dry_run": dry_run, **gone.as_json(), "images": images}
    if json:
        return show.as_json(answer)
    for line in _lines(answer):
        typer.echo(line)


def _lines(answer: dict[str, Any]) -> list[str]:
    verb = "would go" if answer["dry_run"] else "gone"
    by_age, by_count = answer["runs"]["age"], answer["runs"]["count"]
    output = f"of {show.counted(answer['outputs'], 'run')}, {format_size(answer['output_bytes'])}"
    lines = [f"runs {verb}: {by_age} by age, {by_count} by number", f"output {verb}: {output}"]
    if answer["images"] is not None:
        lines.append(f"images {verb}: {', '.join(answer['images']) or 'none'}")
    return lines
