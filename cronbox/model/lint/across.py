"""Rules about all files of one box together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise

from cronbox.model.crontab import Crontab, Entry
from cronbox.model.directives import Directives, parse_directives
from cronbox.model.durations import format_duration
from cronbox.model.fields import Schedule
from cronbox.model.lint.context import BoxFacts, Finding
from cronbox.model.schedule import fires

CROWD = 30
"""So many jobs in one minute are worth a hint; cron itself starts 600 a second."""
Placed = tuple[Crontab, Entry]


def same_entry(placed: Sequence[Placed]) -> Iterator[tuple[Crontab, Finding]]:
    """cron runs both of two equal lines."""
    seen: dict[tuple[str, str, str], Placed] = {}
    for crontab, entry in placed:
        key = (entry.schedule.text, entry.user, entry.text.strip())
        if key in seen:
            where = _where(seen[key])
            message = f"the same job stands in {where}, so both run"
            yield crontab, Finding(entry.line, entry.times_column, "CB601", message, "remove one of them")
        else:
            seen[key] = (crontab, entry)


def same_name(placed: Sequence[Placed]) -> Iterator[tuple[Crontab, Finding]]:
    """A name in a directive is the job's key in the history."""
    seen: dict[str, Placed] = {}
    for crontab, entry in placed:
        directives = _directives(entry)
        name = directives.name if directives else None
        if directives is None or name is None:
            continue
        if name in seen:
            word = next(word for word in directives.words if word.key == "name")
            message = f"the name {name!r} is taken by {_where(seen[name])}"
            yield (
                crontab,
                Finding(word.line, word.column, "CB602", message, "give each job a name of its own"),
            )
        else:
            seen[name] = (crontab, entry)


def crowded_minute(placed: Sequence[Placed]) -> Iterator[tuple[Crontab, Finding]]:
    """The minute of the day that most jobs share, leaving those out that run every minute."""
    shapes = Counter((entry.schedule.hours, entry.schedule.minutes) for _, entry in placed)
    load: Counter[tuple[int, int]] = Counter()
    for (hours, minutes), count in shapes.items():
        if len(minutes) * len(hours) <= _SPREAD:
            load.update({(hour, minute): count for hour in hours for minute in minutes})
    if not load:
        return
    (hour, minute), count = max(load.items(), key=lambda item: (item[1], -item[0][0], -item[0][1]))
    if count < CROWD:
        return
    crontab, entry = next(
        p for p in placed if hour in p[1].schedule.hours and minute in p[1].schedule.minutes
    )
    message = f"{count} jobs of this box may be due at {hour:02}:{minute:02}"
    hint = "spread them over the hour, or limit the box with max_running"
    yield crontab, Finding(entry.line, entry.times_column, "CB603", message, hint)


_SPREAD = 12 * 24
"""Starts a day, from which a job is in every crowd anyway."""


def overrunning(placed: Sequence[Placed], facts: BoxFacts) -> Iterator[tuple[Crontab, Finding]]:
    """Jobs that usually are not done when they are due again."""
    for (crontab, entry), name in zip(placed, _names(placed), strict=True) if facts.typical_seconds else ():
        seconds = facts.typical_seconds.get(name)
        if seconds is not None and seconds > (interval := shortest_interval(entry.schedule)):
            took, every = format_duration(round(seconds)), format_duration(interval)
            message = f"this usually takes {took}, and is due every {every}"
            hint = "run it less often, or let it do less; meanwhile slots are skipped"
            yield crontab, Finding(entry.line, entry.times_column, "CB604", message, hint)


def _names(placed: Sequence[Placed]) -> list[str]:
    """What the history calls the jobs: by their directives, or by their commands."""
    from cronbox.model.naming import unique_names

    given = ((_directives(entry), entry) for _, entry in placed)
    return unique_names([(read.name if read else None, entry.command) for read, entry in given])


def shortest_interval(schedule: Schedule) -> float:
    """Seconds between two slots: the shortest of some hundred, in UTC; infinite for fewer than two."""
    found = islice(fires(schedule, UTC, datetime(2026, 1, 1, tzinfo=UTC)), 300)
    return min(
        ((later - earlier).total_seconds() for earlier, later in pairwise(found)), default=float("inf")
    )


def _directives(entry: Entry) -> Directives | None:
    return parse_directives(entry.directives) if entry.directives else None


def _where(placed: Placed) -> str:
    return f"{placed[0].file}:{placed[1].line}"
