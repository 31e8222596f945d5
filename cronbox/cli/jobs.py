"""Commands on jobs: jobs, next, check, pause, resume."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import BoxOrJob, Count, Json, parse_moment, parse_span, parse_target
from cronbox.cli.context import project_of, site_of
from cronbox.cli.fail import note
from cronbox.cli.find import up_to_date
from cronbox.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from cronbox.cli.context import Project
    from cronbox.config import Config
    from cronbox.model.lint import Problem
    from cronbox.ops.check import Group
    from cronbox.ops.upcoming import Upcoming

app = typer.Typer()
PANEL = "Jobs"
NEXT_COUNT = 10
CONFIG_NAME = "config.toml"


@app.command(rich_help_panel=PANEL)
def jobs(
    ctx: typer.Context,
    box: Annotated[
        str | None, typer.Argument(metavar="[BOX]", help="Only of this box.", autocompletion=complete.boxes)
    ] = None,
    json: Json = False,
) -> None:
    """List the jobs: schedules in words, next starts, last results."""
    from cronbox.ops.status import job_statuses

    site = site_of(ctx)
    names = [site.config.box(box).name] if box else []
    up_to_date(site, box)
    statuses = job_statuses(site, names)
    if json:
        show.as_json([status.as_json() for status in statuses])
        return
    if not statuses:
        typer.echo(
            "No jobs yet. Write a line into a file under crontabs/, for example:\n*/15 * * * * root date"
        )
        return
    now = site.now()
    columns = [
        show.Column("JOB"),
        show.Column("SCHEDULE", keep=12),
        show.Column("NEXT"),
        show.Column("LAST"),
    ]
    rows = (
        (
            status.job.key,
            status.words,
            "paused" if status.paused else show.age(status.next, now=now),
            f"{status.last.status} {show.age(status.last.at, now=now)}" if status.last else show.NOTHING,
        )
        for status in statuses
    )
    show.table(columns, rows)


@app.command(name="next", rich_help_panel=PANEL)
def next_(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BOX|PATH]...", help="Boxes, or any crontab files.", autocompletion=complete.boxes
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="T", help="From then on: 2h (ahead), 2026-11-23 or RFC 3339."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="T", help="Before then: 2h (ahead), 2026-11-23 or RFC 3339."),
    ] = None,
    number: Count = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="As if cron ran in this time zone.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what cron will start, and when."""
    from cronbox.app import utc_now
    from cronbox.ops.upcoming import upcoming

    groups = _groups(project_of(ctx), targets or [])
    now, own_zone = utc_now(), _zone(zone)
    first = parse_moment(begin, now=now, option="--from", ahead=True, zone=own_zone) if begin else now
    last = parse_moment(until, now=now, option="--until", ahead=True, zone=own_zone) if until else None
    limit = number or (None if last else NEXT_COUNT)
    starts = list(upcoming(groups, since=first, until=last, limit=limit, zone=own_zone))
    if json:
        show.as_json([start.as_json() for start in starts])
    elif starts:
        _print_starts(starts, now)
    else:
        typer.echo("Nothing is due then.")


def _groups(project: Project, targets: list[str]) -> list[Group]:
    """The crontabs of boxes, and of files where no box has that name; all boxes for none. Raises NotFound."""
    from cronbox.ops.check import group_of_box, groups_of

    if not targets:
        return groups_of(project.config, [])
    config = project.config_if_any()
    boxes = config.boxes if config else {}
    groups = [group_of_box(boxes[target]) for target in targets if target in boxes]
    paths = [Path(target) for target in targets if target not in boxes]
    return groups + (groups_of(config, paths) if paths else [])


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    if name not in available_timezones():
        raise UsageError(f"--zone: no time zone {name!r}", hint="write it as in Europe/Berlin")
    return ZoneInfo(name)


def _print_starts(starts: list[Upcoming], now: datetime) -> None:
    columns = [show.Column("WHEN"), show.Column("IN"), show.Column("JOB", keep=12)]
    rows = (
        (
            show.minute_text(start.slot.astimezone(start.zone)),
            show.age(start.slot, now=now),
            f"{start.box}/{start.job}" if start.box else start.job,
        )
        for start in starts
    )
    show.table(columns, rows)


@app.command(rich_help_panel=PANEL)
def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Crontab files, or folders of them.")
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--format", metavar="text|json", help="How to print problems.")
    ] = "text",
    json: Json = False,
    users: Annotated[
        str, typer.Option("--users", metavar="A,B", help="Users that there are, beside Debian's.")
    ] = "",
) -> None:
    """Check config.toml and crontabs; ends with 1 if there is an error."""
    from cronbox.model.lint import Severity
    from cronbox.ops.check import check as check_groups
    from cronbox.ops.check import groups_of, image_users

    as_json = json or output == "json"
    project = project_of(ctx)
    config = project.config_if_any() if paths else _checked_config(project, as_json=as_json)
    groups = groups_of(config, paths or [])
    more = frozenset(filter(None, users.split(",")))
    problems = check_groups(groups, users_of=lambda box: image_users(project.site, box), more_users=more)
    if as_json:
        show.as_json([problem.as_json() for problem in problems])
    else:
        for problem in problems:
            typer.echo(_problem_text(problem))
        note(_summary(problems, sum(len(group.files) for group in groups)))
    raise typer.Exit(1 if any(problem.severity is Severity.ERROR for problem in problems) else 0)


def _checked_config(project: Project, *, as_json: bool) -> Config:
    """The project's config. What is wrong with it goes to stdout like any other problem."""
    try:
        return project.config
    except ConfigError as error:
        if as_json:
            show.as_json([_config_problem(problem) for problem in error.problems or (error.message,)])
        raise


def _config_problem(message: str) -> dict[str, object]:
    """A problem of config.toml, which is named by its key and not by a line."""
    where = {"file": CONFIG_NAME, "line": 1, "column": 1}
    return {**where, "code": "config", "severity": "error", "message": message, "hint": ""}


def _problem_text(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return show.printable(f"{problem}{hint}")


def _summary(problems: list[Problem], files: int) -> str:
    """Such as `2 files: 1 error, 3 warnings`."""
    if not files:
        return "no crontab files to check"
    found = Counter(problem.severity.value for problem in problems)
    counts = ", ".join(show.counted(number, severity) for severity, number in found.items())
    return f"{show.counted(files, 'file')}: {counts or 'nothing to complain about'}"


@app.command(rich_help_panel=PANEL)
def pause(
    ctx: typer.Context,
    target: BoxOrJob,
    span: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="So long: 30m, 2h, 1d.")] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="A reason, for the others.")
    ] = None,
) -> None:
    """Hold back a job, or a whole box, until `resume`; what runs goes on."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    length = parse_span(span, option="--for") if span else None
    site = site_of(ctx)
    until = site.now() + length if length else None
    runs.pause(site, wanted.box, wanted.job, until=until, why=why)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} is paused{f' until {show.moment_text(until)}' if until else ''}")


@app.command(rich_help_panel=PANEL)
def resume(ctx: typer.Context, target: BoxOrJob) -> None:
    """Let a paused job, or box, start by its schedule again."""
    from cronbox.ops import runs

    wanted = parse_target(target)
    site = site_of(ctx)
    runs.resume(site, wanted.box, wanted.job)
    up_to_date(site, wanted.box)
    typer.echo(f"{wanted} starts by its schedule again")
