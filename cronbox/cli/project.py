"""Commands on the project as a whole: init, daemon, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.context import log_to_stderr, site_of
from cronbox.cli.find import up_to_date

app = typer.Typer()
PANEL = "Project"


@app.command(rich_help_panel=PANEL)
def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Write a working example: a config, a crontab and its scripts."""
    from cronbox.ops.example import write_example

    for path in write_example(folder):
        typer.echo(f"wrote {path}")
    steps = "cronbox check && cronbox up && cronbox ps"
    typer.echo(f"\nNext: {steps if folder == Path() else f'cd {folder} && {steps}'}")


@app.command(rich_help_panel=PANEL)
def daemon(ctx: typer.Context) -> None:
    """Keep the boxes as wanted, and take in what they log; in the foreground."""
    from cronbox.daemon import run_daemon

    site = site_of(ctx)
    log_to_stderr(site.config.file.cronbox.log_level)
    run_daemon(site)


@app.command(rich_help_panel=PANEL)
def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Look everything over and say what to do; ends with 1 on a failure."""
    from cronbox.ops.doctor import Level, examine

    site = site_of(ctx)
    up_to_date(site, None)
    findings = examine(site)
    broken = any(finding.level is Level.FAIL for finding in findings)
    if json:
        show.as_json({"ok": not broken, "checks": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            subject = f"{finding.box}: {finding.check}" if finding.box else finding.check
            show.verdict(finding.level, f"{subject}: {finding.message}")
            if finding.hint:
                typer.echo(f"      {show.printable(finding.hint)}")
    raise typer.Exit(1 if broken else 0)
