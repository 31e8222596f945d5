"""Commands on runs: run, runs, show, kill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import Count, Json, RunId, Since, Until, parse_job, parse_moment, parse_target
from cronbox.cli.context import site_of
from cronbox.cli.fail import note
from cronbox.cli.find import check_known, find_run, up_to_date
from cronbox.errors import CronboxError
from cronbox.model.durations import format_size
from cronbox.model.run import Run, Status, Trigger

if TYPE_CHECKING:
    from cronbox.model.event import Event

app = typer.Typer()
PANEL = "Runs"
DEFAULT_COUNT = 20

Job = Annotated[str, typer.Argument(metavar="BOX/JOB", help="A job.", autocompletion=complete.job_names)]


@app.command(rich_help_panel=PANEL)
def run(
    ctx: typer.Context,
    job: Job,
    wait: bool = typer.Option(False, "--wait", help="Wait for its end; end with its exit code."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Wait, and print what it prints."),
    json: Json = False,
) -> None:
    """Start a job now, exactly as cron would, and print the run's id."""
    from cronbox.ops import runs

    box, name = parse_job(job)
    site = site_of(ctx)
    with runs.followed_run(site, box, name) as (run_id, events):
        _print_id(run_id, json)
        try:
            end = _followed(events, to_its_end=wait or follow, show_output=follow)
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
    event = next(events)
    for event in events if to_its_end else ():
        if event.type == "output" and show_output:
            _print_output(event)
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


@app.command(rich_help_panel=PANEL)
def runs(
    ctx: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[BOX[/JOB]]", help="Only of this box or job.", autocompletion=complete.targets
        ),
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", metavar="S", help=" ".join(Status))] = None,
    trigger: Annotated[Trigger | None, typer.Option("--trigger", metavar="T", help=" ".join(Trigger))] = None,
    since: Since = None,
    until: Until = None,
    number: Count = DEFAULT_COUNT,
    json: Json = False,
) -> None:
    """List what ran, newest first."""
    from cronbox.store import RunFilter

    site = site_of(ctx)
    wanted = parse_target(target) if target else None
    now = site.now()
    up_to_date(site, wanted.box if wanted else None)
    found = site.store.runs(
        RunFilter(
            box=wanted.box if wanted else None,
            job=wanted.job if wanted else None,
            status=status,
            trigger=trigger,
            since=parse_moment(since, now=now, option="--since") if since else None,
            until=parse_moment(until, now=now, option="--until") if until else None,
            limit=number or DEFAULT_COUNT,
        )
    )
    if wanted and not found:
        check_known(site, wanted.box, wanted.job)
    if json:
        show.as_json([run.as_json() for run in found])
    elif found:
        _print_runs(found, now)
    else:
        typer.echo(
            "No runs to show." if (wanted or status or trigger or since or until) else "Nothing has run yet."
        )


def _print_runs(found: list[Run], now: datetime) -> None:
    columns = [
        show.Column("RUN"),
        show.Column("JOB", keep=20),
        show.Column("STATUS"),
        show.Column("TRIGGER"),
    ]
    columns += [show.Column("WHEN"), show.Column("TOOK", right=True), show.Column("WHY", keep=8)]
    show.table(
        columns,
        (
            (
                run.id[:8],
                f"{run.box}/{run.job}",
                run.status.value,
                run.trigger.value,
                show.age(run.at, now=now),
                show.span(run.duration_s),
                _why(run),
            )
            for run in found
        ),
    )


def _why(run: Run) -> str:
    """Why it ended as it did, where that is not plain."""
    if run.reason:
        return run.reason
    if run.signal is not None:
        return f"signal {run.signal}"
    return f"exit code {run.exit_code}" if run.exit_code else ""


@app.command(name="show", rich_help_panel=PANEL)
def show_(ctx: typer.Context, run: RunId, json: Json = False) -> None:
    """Show all that is known of a run."""
    site = site_of(ctx)
    found = find_run(site, run)
    if json:
        show.as_json(found.as_json())
        return
    for title, value in _facts(found):
        typer.echo(f"{title:<10} {show.printable(value)}")


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """What `show` says, line by line; what is not known is left out."""
    yield "run", run.id
    yield "job", f"{run.box}/{run.job}"
    yield "status", f"{run.status}{f' ({why})' if (why := _why(run)) else ''}"
    yield "trigger", run.trigger.value + (f", attempt {run.attempt}" if run.attempt > 1 else "")
    for title, moment in (
        ("slot", run.scheduled_for),
        ("queued", run.queued_at),
        ("started", run.started_at),
    ):
        if moment:
            yield title, show.moment_text(moment)
    if run.finished_at:
        yield "finished", show.moment_text(run.finished_at)
    if run.duration_s is not None:
        yield "took", show.span(run.duration_s)
    if run.exit_code is not None:
        yield "exit code", str(run.exit_code)
    if run.cpu_s is not None:
        yield "cpu", show.span(run.cpu_s)
    if run.max_rss_bytes is not None:
        yield "memory", f"{format_size(run.max_rss_bytes)} at most"
    if run.started_at:
        dropped = f", {format_size(run.dropped_bytes)} of it dropped" if run.dropped_bytes else ""
        yield "output", format_size(run.output_bytes) + dropped
    if run.release is not None:
        yield "release", str(run.release)


@app.command(rich_help_panel=PANEL)
def kill(ctx: typer.Context, run: RunId) -> None:
    """End a run, with SIGTERM and then SIGKILL, and wait until it has ended."""
    from cronbox.ops import runs

    site = site_of(ctx)
    found = find_run(site, run)
    if not found.status.is_open:
        raise CronboxError(f"run {found.id} has ended already: {found.status}")
    end = runs.kill(site, found)
    up_to_date(site, found.box)
    if end is None:
        raise CronboxError(f"run {found.id} goes on", hint=f"`cronbox show {found.id}` looks again")
    typer.echo(f"{found.id} {show.status_words(end.data['status'])}")
