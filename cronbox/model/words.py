"""Schedules in words, for people who do not read five time fields at sight."""

from __future__ import annotations

from functools import lru_cache

from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, FormatError, Options

from cronbox.model.fields import Schedule


def in_words(schedule: Schedule) -> str:
    """Such as `Every 15 minutes` or `At 02:00, only on Monday`; the five fields where no words fit."""
    return "Each time the box starts" if schedule.reboot else _described(schedule.text, schedule.either_day)


@lru_cache(maxsize=4096)
def _described(text: str, either_day: bool) -> str:
    options = Options()
    options.use_24hour_time_format = True
    options.throw_exception_on_parse_error = True
    options.casing_type = CasingTypeEnum.Sentence
    try:
        words = str(ExpressionDescriptor(text, options).get_full_description())
    except FormatError:
        return text
    return words if either_day else words.replace(", or on ", ", if that is on ")
