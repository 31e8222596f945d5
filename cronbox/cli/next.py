"""The command `next`: what cron will start, as a list, a calendar, or a picture of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import Json, UserCrontab, crontab_format, parse_moment, parse_zone, path_of
from cronbox.cli.context import project_of
from cronbox.cli.fail import note
from cronbox.errors import NotFound, UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from cronbox.cli.context import Project
    from cronbox.model.crontab import Format
    from cronbox.ops.check import Group
    from cronbox.ops.upcoming import Timetable, Upcoming

app = typer.Typer()
PANEL = "Jobs"
NEXT_COUNT = 10
MOST = 1_000_000
"""Starts that are listed in one answer; a hundred years of one job a minute are fifty times as many."""


@app.command(name="next", rich_help_panel=PANEL)
def next_(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BOX|PATH]...",
            help="Boxes, or any crontab files; - for what is piped in.",
            autocompletion=complete.boxes,
        ),
    ] = None,
    user_crontab: UserCrontab = False,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="T", help="From then on: 2h (ahead), 2026-11-23 or RFC 3339."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="T", help="Before then: 2h (ahead), 2026-11-23 or RFC 3339."),
    ] = None,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, max=MOST, metavar="N", help="At most so many.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="As if cron ran in this time zone.")
    ] = None,
    ical: Annotated[bool, typer.Option("--ical", help="Print an iCalendar file.")] = False,
    heatmap: Annotated[bool, typer.Option("--heatmap", help="Draw the load of the day of --from.")] = False,
    json: Json = False,
) -> None:
    """Show what cron will start, and when."""
    from cronbox.app import utc_now
    from cronbox.ops.upcoming import shared_zone, timetable

    if ical + heatmap + json > 1:
        raise UsageError("--ical, --heatmap and --json are three forms of one answer", hint="choose one")
    groups = _groups(project_of(ctx), targets or [], crontab_format(user_crontab))
    now, own_zone = utc_now(), parse_zone(zone)
    first = parse_moment(begin, now=now, option="--from", ahead=True, zone=own_zone) if begin else now
    last = parse_moment(until, now=now, option="--until", ahead=True, zone=own_zone) if until else None
    table = timetable(groups, own_zone)
    for refused in table.refused:
        note(refused)
    if heatmap:
        if until or number:
            raise UsageError("--heatmap draws one whole day", hint="leave --until and -n away")
        _print_day(table, first, own_zone or shared_zone(groups))
        return
    if last and last <= first:
        note("--until is not after --from, so no time lies between them")
    starts = _with_holds(project_of(ctx), groups, table, _starts(table, first, last, number))
    if json:
        show.as_json([start.as_json() for start in starts])
    elif ical:
        _print_calendar(starts, now)
    elif starts:
        _print_starts(starts, now)
    else:
        typer.echo("Nothing is due then.")


def _groups(project: Project, targets: list[str], format: Format) -> list[Group]:
    """The crontabs of boxes, and of files where no box has that name; all boxes for none. Raises NotFound."""
    from cronbox.ops.check import group_of_box, groups_of

    if not targets:
        return groups_of(project.config, [])
    config = project.config_if_any()
    boxes = config.boxes if config else {}
    groups = [group_of_box(boxes[target]) for target in targets if target in boxes]
    paths = [path_of(target) for target in targets if target not in boxes]
    for path in paths:
        if not path.exists():
            raise NotFound(f"no box, file or folder {path}", hint=f"boxes: {', '.join(boxes) or 'none'}")
    return groups + (groups_of(config, paths, format=format) if paths else [])


def _starts(table: Timetable, first: datetime, last: datetime | None, number: int | None) -> list[Upcoming]:
    """Raises UsageError for more than MOST that nobody counted."""
    from cronbox.ops.upcoming import upcoming

    limit = number or (MOST + 1 if last else NEXT_COUNT)
    starts = list(upcoming(table, since=first, until=last, limit=limit))
    if len(starts) > MOST:
        raise UsageError(f"these are more than {MOST:,} starts", hint="give -n, or an earlier --until")
    return starts


def _with_holds(
    project: Project, groups: Sequence[Group], table: Timetable, starts: list[Upcoming]
) -> list[Upcoming]:
    """Pauses and maintenance windows hold back what a box of the project would start."""
    from cronbox.ops.upcoming import with_holds

    boxes = {group.box.name: group.box for group in groups if group.box}
    return list(with_holds(starts, table, boxes, project.site.store.pauses())) if boxes else starts


def _print_starts(starts: Sequence[Upcoming], now: datetime) -> None:
    columns = [show.Column("WHEN"), show.Column("IN"), show.Column("JOB", keep=12)]
    remarked = any(start.remark_words for start in starts)
    columns += [show.Column("REMARK", keep=20)] if remarked else []
    rows = (
        (
            show.minute_text(start.slot.astimezone(start.zone)),
            show.age(start.slot, now=now),
            start.name,
            *([start.remark_words] if remarked else []),
        )
        for start in starts
    )
    show.table(columns, rows)


def _print_calendar(starts: Sequence[Upcoming], now: datetime) -> None:
    from cronbox.model.ical import CalendarEvent, calendar

    events = [CalendarEvent(start.slot, start.name, start.remark_words) for start in starts]
    typer.echo(calendar(events, now=now), nl=False)


def _print_day(table: Timetable, moment: datetime, clock: ZoneInfo) -> None:
    """The load of the day in which a moment lies, by this clock."""
    from cronbox.cli.heatmap import draw
    from cronbox.model.load import DayLoad
    from cronbox.ops.upcoming import counted

    day = moment.astimezone(clock).date()
    midnight, next_midnight = (
        datetime(at.year, at.month, at.day, tzinfo=clock) for at in (day, day + timedelta(days=1))
    )
    starts = counted(table, since=midnight, until=next_midnight)
    draw(DayLoad.of(day, ((at.astimezone(clock), count) for at, count in starts)), zone=str(clock))
