"""Commands on the project as a whole: init, daemon, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.context import log_to_stderr, site_of
from cronbox.cli.fail import note
from cronbox.cli.find import up_to_date
from cronbox.errors import UsageError

if TYPE_CHECKING:
    from cronbox.ops import Site
    from cronbox.ops.finding import Finding

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
    from cronbox.web.server import serve

    site = site_of(ctx)
    log_to_stderr(site.config.file.cronbox.log_level)
    run_daemon(site, serve)


@app.command(rich_help_panel=PANEL)
def doctor(
    ctx: typer.Context,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write a .tar.gz for a bug report, without secrets."),
    ] = None,
    with_output: Annotated[
        bool, typer.Option("--with-output", help="Put what jobs printed last into it, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Look everything over and say what to do; ends with 1 on a failure."""
    from cronbox.ops.doctor import examine
    from cronbox.ops.finding import Level

    if with_output and bundle is None:
        raise UsageError("--with-output is for --bundle", hint="write --bundle FILE.tar.gz, too")
    site = site_of(ctx)
    _brought_up_to_date(site)
    findings = examine(site)
    broken = any(finding.level is Level.FAIL for finding in findings)
    if bundle is not None:
        _write(site, bundle, findings, with_output)
    if json:
        show.as_json({"ok": not broken, "checks": [finding.as_json() for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(1 if broken else 0)


def _brought_up_to_date(site: Site) -> None:
    """As far as that goes: an engine that hangs is what the doctor is called for."""
    from cronbox.errors import StoreError
    from cronbox.ops.finding import NoAnswer, in_time

    try:
        in_time(lambda: up_to_date(site, None))
    except NoAnswer as error:
        note(f"not up to date: {error.message}")
    except StoreError:
        return  # The doctor looks at the store, and says so.


def _write(site: Site, bundle: Path, findings: list[Finding], with_output: bool) -> None:
    from cronbox.ops.bundle import write_bundle

    names = write_bundle(site, bundle, findings, with_output=with_output)
    note(f"wrote {bundle} with {show.counted(len(names), 'file')}; look through it before you give it away")


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        subject = f"{finding.box}: {finding.check}" if finding.box else finding.check
        show.verdict(finding.level, f"{subject}: {finding.message}")
        if finding.hint:
            typer.echo(f"      {show.printable(finding.hint)}")
