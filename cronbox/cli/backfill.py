"""The command that runs past slots: backfill."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from zoneinfo import ZoneInfo

import typer

from cronbox.cli import show
from cronbox.cli.args import JobName, Json, parse_job, parse_moment
from cronbox.cli.context import site_of
from cronbox.cli.fail import note
from cronbox.cli.find import up_to_date
from cronbox.model.event import format_time
from cronbox.model.run import Status

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cronbox.model.backfill import Plan
    from cronbox.ops.backfill import Step

app = typer.Typer()
PANEL = "Runs"
Outcome = dict[datetime, "Step"]
"""Slot -> the last that was heard of its run."""


@app.command(rich_help_panel=PANEL)
def backfill(
    ctx: typer.Context,
    job: JobName,
    since: Annotated[
        str, typer.Option("--from", metavar="T", help="The slots from then on; in the box's time zone.")
    ],
    until: Annotated[
        str | None, typer.Option("--to", metavar="T", help="The slots before then; now, if it is not given.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, metavar="N", help="So many at once.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Also the slots that have succeeded.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would run.")] = False,
    json: Json = False,
) -> None:
    """Run the past slots of a job, oldest first; those that have succeeded are left out.

    The same command after an interruption goes on where it stopped.
    """
    from cronbox.ops import backfill as verb
    from cronbox.ops.runs import find_job

    box, name = parse_job(job)
    site = site_of(ctx)
    wanted, zone, now = find_job(site, box, name), site.config.box(box).zone, site.now()
    first = parse_moment(since, now=now, option="--from", zone=zone)
    last = parse_moment(until, now=now, option="--to", zone=zone) if until else now
    if dry_run:
        up_to_date(site, box)
        _tell_plan(verb.planned(site, box, wanted, first, last, again=again), zone, json=json)
        return
    seq = verb.settled(site, box)
    plan = verb.planned(site, box, wanted, first, last, again=again)
    most = verb.at_once(wanted, parallel)
    if most < parallel:
        note(f"one at a time: {job} has overlap={wanted.policy.overlap}, only overlap=allow runs several")
    steps = verb.backfill(site, box, name, plan, seq=seq, parallel=most)
    outcome = _watched(steps, plan, zone, json=json)
    up_to_date(site, box)
    raise typer.Exit(_told(outcome, plan, zone, json=json))


def _tell_plan(plan: Plan, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        show.as_json(_slots(plan, {}))
        return
    for slot in plan.slots:
        known = plan.done.get(slot) or plan.going.get(slot)
        typer.echo(f"{_minute(slot, zone)}  {f'{known.status} {known.id[:8]}' if known else 'would run'}")
    typer.echo(f"{show.counted(len(plan.todo), 'slot')} of {len(plan.slots)} would run")


def _watched(steps: Iterable[Step], plan: Plan, zone: ZoneInfo, *, json: bool) -> Outcome:
    """Take the steps to their end, and show them."""
    outcome: Outcome = {}
    try:
        with _progress(plan, quiet=json) as progress:
            for step in steps:
                outcome[step.slot] = step
                progress.show(step, _line(step, zone))
    except KeyboardInterrupt:
        going = {run.id for run in plan.going.values()} - {step.run for step in outcome.values()}
        going |= {step.run for step in outcome.values() if step.status.is_open}
        left = f"{show.counted(len(going), 'run')} left to go on; " if going else ""
        note(f"interrupted, {left}the same command goes on where this one stopped")
        raise
    return outcome


def _told(outcome: Outcome, plan: Plan, zone: ZoneInfo, *, json: bool) -> int:
    """Say how it went -> the exit code."""
    bad = [step for _, step in sorted(outcome.items()) if step.status is not Status.SUCCEEDED]
    if json:
        show.as_json(_slots(plan, outcome))
    else:
        before = f", {len(plan.done)} had succeeded before" if plan.done else ""
        typer.echo(f"{len(outcome) - len(bad)} of {show.counted(len(plan.slots), 'slot')} succeeded{before}")
    if bad:
        note(f"{show.counted(len(bad), 'slot')} did not succeed:")
        for step in bad:
            note(f"  {_line(step, zone)}")
    return 1 if bad else 0


def _slots(plan: Plan, outcome: Outcome) -> list[dict[str, Any]]:
    """For each slot the run that stands for it, and how it is; both null where it is still to be run."""
    found = {slot: (run.id, run.status) for slot, run in [*plan.done.items(), *plan.going.items()]}
    found |= {slot: (step.run, step.status) for slot, step in outcome.items()}
    return [
        {"slot": format_time(slot), "run": run, "status": status}
        for slot in plan.slots
        for run, status in [found.get(slot, (None, None))]
    ]


def _line(step: Step, zone: ZoneInfo) -> str:
    reason = f": {step.reason}" if step.reason else ""
    return show.printable(f"{_minute(step.slot, zone)}  {step.run[:8]} {step.status}{reason}")


def _minute(slot: datetime, zone: ZoneInfo) -> str:
    return show.minute_text(slot.astimezone(zone))


class _Progress(Protocol):
    def show(self, step: Step, line: str) -> None: ...


class _Lines:
    """One line for each end; none at all where only the answer is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def show(self, step: Step, line: str) -> None:
        if not self._quiet and not step.status.is_open:
            typer.echo(line)


class _Bar:
    """A bar that names the latest slot; what did not succeed stays on the screen above it."""

    def __init__(self, drawn: Progress, task: TaskID) -> None:
        self._drawn = drawn
        self._task = task

    def show(self, step: Step, line: str) -> None:
        self._drawn.update(self._task, description=line[:46], advance=0 if step.status.is_open else 1)
        if not step.status.is_open and step.status is not Status.SUCCEEDED:
            self._drawn.console.print(line, markup=False)


@contextmanager
def _progress(plan: Plan, *, quiet: bool) -> Iterator[_Progress]:
    """A bar where there is a terminal to see it, beside the answer if that is for a program."""
    stream = sys.stderr if quiet else sys.stdout
    if not stream.isatty():
        yield _Lines(quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=quiet, highlight=False)
    with Progress(*columns, console=console, transient=True) as drawn:
        yield _Bar(drawn, drawn.add_task("", total=len(plan.slots), completed=len(plan.done)))
