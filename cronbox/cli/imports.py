"""The command `import`: jobs of other schedulers become a project."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.fail import note
from cronbox.errors import UsageError

if TYPE_CHECKING:
    from cronbox.model.importing import WrittenFile
    from cronbox.ops.imports import Import

app = typer.Typer()
PANEL = "Project"
FormatName = Literal["crontab", "cron.d", "ofelia", "kubernetes", "supercronic"]


@app.command("import", rich_help_panel=PANEL)
def import_(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, or - for what is piped in.")
    ],
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Where; made if it is not there.")
    ] = Path(),
    format_name: Annotated[
        FormatName | None,
        typer.Option("--from", metavar="F", help="crontab, cron.d, ofelia, kubernetes or supercronic."),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Who runs jobs that name nobody; else root.")
    ] = None,
    box: Annotated[
        str | None, typer.Option("--box", metavar="BOX", help="The box's name, where the source gives none.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written; write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a project of a crontab, ofelia's jobs or Kubernetes CronJobs; ends with 1 if no job came over."""
    from cronbox.model.importing import Format
    from cronbox.ops.imports import Wishes, plan_import, write_import

    _refuse_odd(user, box)
    stdin = sys.stdin.buffer.read() if "-" in sources else b""
    wishes = Wishes(Format(format_name) if format_name else None, user, box)
    plan = plan_import(sources, stdin, wishes)
    if not dry_run:
        write_import(into, plan)
    if json:
        show.as_json(_as_json(plan, into, dry_run))
    else:
        _print(plan, into, dry_run)
    raise typer.Exit(0 if plan.project.jobs else 1)


def _refuse_odd(user: str | None, box: str | None) -> None:
    """Raises UsageError for names that no user or box can have."""
    if user is not None and not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", user):
        raise UsageError(f"--user: {user!r} is not a user name")
    if box is not None and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", box):
        raise UsageError(
            f"--box: {box!r} is not a name for a box", hint="use small letters, digits, `-` and `_`"
        )


def _as_json(plan: Import, into: Path, dry_run: bool) -> dict[str, object]:
    return {
        "folder": str(into),
        "written": not dry_run,
        "sources": [{"file": file, "format": format.value} for file, format in plan.sources],
        "files": [{"path": file.path, "text": _shown(file)} for file in plan.project.files],
        "jobs": len(plan.project.jobs),
        "findings": [finding.as_json() for finding in plan.findings],
    }


def _print(plan: Import, into: Path, dry_run: bool) -> None:
    for name, format in plan.sources:
        note(f"read {show.printable(name)} as {format.value}")
    for file in plan.project.files:
        if dry_run:
            typer.echo(f"==> {into / file.path}\n{_on_terminal(_shown(file))}")
        else:
            typer.echo(f"wrote {into / file.path}")
    for finding in plan.findings:
        typer.echo(show.printable(str(finding)))
        if finding.todo:
            typer.echo(f"    {show.printable(finding.todo)}")
    counts = f"{show.counted(len(plan.project.jobs), 'job')}, {show.counted(len(plan.findings), 'finding')}"
    steps = "" if dry_run else f"; next: `cronbox -C {into} check`"
    note(f"{counts}{steps}")


def _shown(file: WrittenFile) -> str:
    """The text of a file; the values of a secret one stay out of terminals and logs."""
    text = file.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"^([^#=\n]+=).*$", r"\1…", text, flags=re.M) if file.secret else text


def _on_terminal(text: str) -> str:
    return "\n".join(show.printable(line) for line in text.split("\n"))
