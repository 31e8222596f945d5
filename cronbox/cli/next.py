"""The command `next`: what cron will start, as a list, a calendar, or a picture of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, available_timezones

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import Count, Json, parse_moment
from cronbox.cli.context import project_of
from cronbox.errors import NotFound, UsageError

if TYPE_CHECKING:
    from cronbox.cli.context import Project
    from cronbox.ops.check import Group
    from cronbox.ops.upcoming import Upcoming
    from cronbox.store import Pause

app = typer.Typer()
PANEL = "Jobs"
NEXT_COUNT = 10


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
    ical: Annotated[bool, typer.Option("--ical", help="Print an iCalendar file.")] = False,
    heatmap: Annotated[bool, typer.Option("--heatmap", help="Draw the load of the day of --from.")] = False,
    json: Json = False,
) -> None:
    """Show what cron will start, and when."""
    from cronbox.app import utc_now
    from cronbox.ops.upcoming import upcoming

    if ical + heatmap + json > 1:
        raise UsageError("--ical, --heatmap and --json are three forms of one answer", hint="choose one")
    groups = _groups(project_of(ctx), targets or [])
    now, own_zone = utc_now(), _zone(zone)
    first = parse_moment(begin, now=now, option="--from", ahead=True, zone=own_zone) if begin else now
    if heatmap:
        if until or number:
            raise UsageError("--heatmap draws one whole day", hint="leave --until and -n away")
        _print_day(groups, first, own_zone)
        return
    last = parse_moment(until, now=now, option="--until", ahead=True, zone=own_zone) if until else None
    limit = number or (None if last else NEXT_COUNT)
    pauses = _pauses(project_of(ctx), groups)
    starts = list(upcoming(groups, since=first, until=last, limit=limit, zone=own_zone, pauses=pauses))
    if json:
        show.as_json([start.as_json() for start in starts])
    elif ical:
        _print_calendar(starts, now)
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
    for path in paths:
        if not path.exists():
            raise NotFound(f"no box, file or folder {path}", hint=f"boxes: {', '.join(boxes) or 'none'}")
    return groups + (groups_of(config, paths) if paths else [])


def _pauses(project: Project, groups: Sequence[Group]) -> Sequence[Pause]:
    """Those that hold a box of the project back; files of no box have none."""
    return project.site.store.pauses() if any(group.box for group in groups) else ()


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    if name not in available_timezones():
        raise UsageError(f"--zone: no time zone {name!r}", hint="write it as in Europe/Berlin")
    return ZoneInfo(name)


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


def _print_day(groups: Sequence[Group], moment: datetime, zone: ZoneInfo | None) -> None:
    """The load of the day in which a moment lies, by the clock that the boxes share, else in UTC."""
    from cronbox.cli.heatmap import draw
    from cronbox.model.load import DayLoad
    from cronbox.ops.upcoming import shared_zone, upcoming

    clock = zone or shared_zone(groups)
    day = moment.astimezone(clock).date()
    midnight, next_midnight = (
        datetime(at.year, at.month, at.day, tzinfo=clock) for at in (day, day + timedelta(days=1))
    )
    starts = upcoming(groups, since=midnight, until=next_midnight, limit=None, zone=zone)
    draw(DayLoad.of(day, (start.slot.astimezone(clock) for start in starts)), zone=str(clock))
