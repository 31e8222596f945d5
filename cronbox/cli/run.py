"""Commands that start a run: run, rerun."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import show
from cronbox.cli.args import JobName, Json, RunId, parse_env, parse_job
from cronbox.cli.context import site_of
from cronbox.cli.fail import note
from cronbox.cli.find import find_run, up_to_date
from cronbox.model.run import Status

if TYPE_CHECKING:
    from cronbox.model.event import Event
    from cronbox.ops import Site
    from cronbox.ops.runs import Asked

app = typer.Typer()
PANEL = "Runs"

Wait = Annotated[bool, typer.Option("--wait", help="Wait for its end; end with its exit code.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Wait, and print what it prints.")]


@app.command(rich_help_panel=PANEL)
def run(
    ctx: typer.Context,
    job: JobName,
    args: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARG...]", help="Further arguments for the job's command."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("-e", "--env", metavar="K=V", help="A variable for this run; on record with it."),
    ] = None,
    wait: Wait = False,
    follow: Follow = False,
    json: Json = False,
) -> None:
    """Start a job now, exactly as cron would, and print the run's id."""
    from cronbox.ops.runs import Asked

    box, name = parse_job(job)
    asked = Asked(name, env=parse_env(env or [], args or []), args=tuple(args or ()))
    _start(site_of(ctx), box, asked, to_its_end=wait or follow, show_output=follow, json=json)


@app.command(rich_help_panel=PANEL)
def rerun(
    ctx: typer.Context, run: RunId, wait: Wait = False, follow: Follow = False, json: Json = False
) -> None:
    """Start a run's job again with its slot, variables and arguments."""
    from cronbox.ops.runs import Asked

    site = site_of(ctx)
    found = find_run(site, run)
    _start(site, found.box, Asked.again(found), to_its_end=wait or follow, show_output=follow, json=json)


def _start(site: Site, box: str, asked: Asked, *, to_its_end: bool, show_output: bool, json: bool) -> None:
    """Start it, print its id, and follow it as far as that was asked for."""
    from cronbox.ops import runs

    with runs.followed_run(site, box, asked) as (run_id, events):
        _print_id(run_id, json)
        try:
            end = _followed(events, to_its_end=to_its_end, show_output=show_output)
        except KeyboardInterrupt:
            note(f"run {run_id} goes on; `cronbox kill {run_id}` ends it")
            raise
    up_to_date(site, box)
    if end.type in ("finished", "skipped"):
        _tell_end(run_id, end)
        raise typer.Exit(runs.exit_code_of(end))


def _print_id(run_id: str, json: bool) -> None:
    if json:
        show.as_json({"id": run_id})
    else:
        typer.echo(run_id)
    sys.stdout.flush()


def _followed(events: Iterator[Event], *, to_its_end: bool, show_output: bool) -> Event:
    """The run's last event, or else its first; what it prints goes to our stdout and stderr."""
    for event in events:
        if event.type == "queued":
            note(f"run {event.run} waits: {event.data.get('reason')}")
        elif event.type == "output" and show_output:
            _print_output(event)
        if not to_its_end:
            break
    return event


def _print_output(event: Event) -> None:
    for _, stream, text, *newline in event.data["lines"]:
        end = "" if newline == [False] else "\n"
        print(text, end=end, file=sys.stdout if stream == "out" else sys.stderr, flush=True)


def _tell_end(run_id: str, end: Event) -> None:
    """One line on stderr where a run did not simply succeed."""
    status = end.data.get("status", "skipped")
    if status != Status.SUCCEEDED:
        reason = end.data.get("reason")
        note(f"run {run_id} {show.status_words(status)}{f': {reason}' if reason else ''}")
