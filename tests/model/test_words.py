"""Schedules in words say what cron does."""

from __future__ import annotations

import pytest

from cronbox.model.fields import parse_schedule
from cronbox.model.words import in_words


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ("*/15 * * * *", "Every 15 minutes"),
        ("30 6 * * mon", "At 06:30, only on Monday"),
        ("0 0 * * 5-7", "At 00:00, only on Sunday, Friday, and Saturday"),
        ("30 6 1-7 * 1", "At 06:30, between day 1 and 7 of the month, or on Monday"),
        ("30 6 */10 * 1", "At 06:30, on day 1, 11, 21, and 31 of the month, but only on Monday"),
        ("0 0 1,* * 1", "At 00:00"),
        ("*/60 * * * *", "Every hour"),
        ("0 */7 * * *", "At 00:00, 07:00, 14:00 and 21:00"),
        ("0 0 31 2 *", "Never"),
        ("@reboot", "Each time the box starts"),
    ],
)
def test_a_schedule_is_told_as_cron_takes_it(times: str, words: str) -> None:
    assert in_words(parse_schedule(times)) == words
