"""A schedule in words. cron-descriptor writes the sentence; what it would get wrong, it is not shown.

It reads `*/7` as an even beat, weekday 7 as a second Sunday, and both day fields as OR wherever they stand.
So it is given the sets that cron makes of the fields, and the rule about days is put into words here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cron_descriptor import ExpressionDescriptor, Options

from cronbox.model.fields import Schedule
from cronbox.model.schedule import never_fires

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@lru_cache(maxsize=4096)
def in_words(schedule: Schedule) -> str:
    """`At 06:30, Monday through Friday`, with hours from 0 to 23."""
    if schedule.reboot:
        return "Each time the box starts"
    if never_fires(schedule):
        return "Never"
    minute = _beat(schedule.minutes, 0, 59)
    hour = _beat(schedule.hours, 0, 23)
    month = _list(schedule.months, 1, 12)
    day, weekday = _list(schedule.days, 1, 31), _list(schedule.weekdays, 0, 6)
    if schedule.either_day and "*" in (day, weekday):
        day = weekday = "*"
    if "*" in (day, weekday):
        return _described(f"{minute} {hour} {day} {month} {weekday}")
    told = _described(f"{minute} {hour} {day} {month} *")
    names = _either([_WEEKDAYS[number] for number in sorted(schedule.weekdays)])
    return f"{told}, or on {names}" if schedule.either_day else f"{told}, but only on {names}"


def _described(expression: str) -> str:
    options = Options()
    options.use_24hour_time_format = True
    text: str = ExpressionDescriptor(expression, options).get_description()
    return text


def _beat(values: frozenset[int], low: int, high: int) -> str:
    """Minutes or hours: `*/15` only where it is an even beat over the whole range."""
    step = (high - low + 1) // len(values)
    if (
        step > 1
        and len(values) > 1
        and values == frozenset(range(low, high + 1, step))
        and not (high + 1) % step
    ):
        return f"*/{step}"
    return _list(values, low, high)


def _list(values: frozenset[int], low: int, high: int) -> str:
    """`*`, a range of three or more, or a list."""
    first, last = min(values), max(values)
    if len(values) == high - low + 1:
        return "*"
    if len(values) > 2 and len(values) == last - first + 1:
        return f"{first}-{last}"
    return ",".join(str(value) for value in sorted(values))


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
