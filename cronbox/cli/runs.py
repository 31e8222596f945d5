"""Commands on runs that there are: runs, show, kill."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import Count, Json, RunId, Since, Until, parse_moment, parse_target
from cronbox.cli.context import site_of
from cronbox.cli.find import check_known, find_run, up_to_date
from cronbox.errors import CronboxError
from cronbox.model.durations import format_size
from cronbox.model.run import Run, Status, Trigger

app = typer.Typer()
PANEL = "Runs"
DEFAULT_COUNT = 20


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
                _trigger(run),
                show.age(run.at, now=now),
                show.span(run.duration_s),
                run.why,
            )
            for run in found
        ),
    )


def _trigger(run: Run) -> str:
    """`retry 2` for the second attempt of a run."""
    return run.trigger.value if run.attempt == 1 else f"{run.trigger.value} {run.attempt}"


@app.command(name="show", rich_help_panel=PANEL)
def show_(ctx: typer.Context, run: RunId, json: Json = False) -> None:
    """Show all that is known of a run, and its other attempts."""
    site = site_of(ctx)
    found = find_run(site, run)
    attempts = site.store.attempts(found)
    pruned = site.store.pruned_at(found.id)
    if json:
        show.as_json(found.as_json_in_full(attempts, pruned))
        return
    for title, value in _facts(found):
        typer.echo(f"{title:<10} {show.printable(value)}")
    if pruned:
        typer.echo(f"{'pruned':<10} its output, on {show.moment_text(pruned)}")
    if len(attempts) > 1:
        _print_attempts(attempts, found)


def _print_attempts(attempts: Sequence[Run], shown: Run) -> None:
    """One line for each attempt, as long as the terminal is wide."""
    typer.echo()
    columns = [show.Column("ATTEMPT", right=True), show.Column("RUN"), show.Column("STATUS")]
    columns += [show.Column("WHEN"), show.Column("TOOK", right=True), show.Column("WHY", keep=8)]
    rows = (
        (
            f"{'* ' if attempt.id == shown.id else ''}{attempt.attempt}",
            attempt.id[:8],
            attempt.status.value,
            show.moment_text(attempt.at),
            show.span(attempt.duration_s),
            attempt.why,
        )
        for attempt in attempts
    )
    show.table(columns, rows)


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """What `show` says, line by line; what is not known is left out."""
    yield "run", run.id
    yield "job", f"{run.box}/{run.job}"
    yield "status", f"{run.status}{f' ({why})' if (why := run.why) else ''}"
    yield "trigger", run.trigger.value + (f", attempt {run.attempt}" if run.attempt > 1 else "")
    if run.origin is not None:
        yield ("first try" if run.attempt > 1 else "repeats"), run.origin
    if run.env:
        yield "env", " ".join(f"{name}={shlex.quote(value)}" for name, value in run.env.items())
    if run.args:
        yield "args", shlex.join(run.args)
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
    for name, value in (run.result or {}).items():
        yield "result", f"{name}={value}"


@app.command(rich_help_panel=PANEL)
def kill(ctx: typer.Context, run: RunId) -> None:
    """End a run, with SIGTERM and then SIGKILL, and wait until it has ended; or one that waits."""
    from cronbox.ops import runs

    site = site_of(ctx)
    found = find_run(site, run)
    if not found.status.is_open:
        later = next((attempt for attempt in site.store.attempts(found) if attempt.status.is_open), None)
        raise CronboxError(
            f"run {found.id} has ended already: {found.status}",
            hint=f"attempt {later.attempt} has not: `cronbox kill {later.id}`" if later else "",
        )
    end = runs.kill(site, found)
    up_to_date(site, found.box)
    if end is None:
        raise CronboxError(f"run {found.id} goes on", hint=f"`cronbox show {found.id}` looks again")
    typer.echo(f"{found.id} {show.status_words(end.data['status'])}")
