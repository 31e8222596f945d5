"""Debian's cron starts entries in exactly the minutes that `schedule.fires` names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from random import Random
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.fields import parse_schedule
from cronbox.model.schedule import fires
from tests.cron.judge import Fired, Judge, Window
from tests.cron.words import DAY, MONTH, SAMPLES, SEED, WEEKDAY, valid_fields

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("judge")]

MINUTE = timedelta(minutes=1)
CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
    "Antarctica/Troll": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "Asia/Kolkata": ["2026-03-29T01:00", "2026-12-31T19:00"],
}
"""When the clock changes, in UTC: by an hour, by half an hour (Lord Howe), by two (Troll), and not at all."""
NEAR = [
    *("30 2 * * *", "0,30 2 * * *", "0 3 * * *", "5 3 * * *", "0 0-23 * * *", "*/20 2 * * *", "30 * * * *"),
    *("@hourly", "* * * * *", "0-59 0-23 * * *", "15 2 * * *", "*/15 1,2,3 * * *", "59 1 * * *", "0 2 * * *"),
    *("0 1-3 * * *", "@daily", "*/7 1-2 * * *", "1-59/2 2 * * *", "* 2 * * *", "0 */2 * * *", "30 */1 * * *"),
]
"""What is told of clock changes in docs and rules, and the ends of gaps and repeated hours."""


def some_times(count: int, salt: str) -> Iterator[str]:
    """Time fields for a night: mostly every day, mostly in the small hours, and not too often."""
    chance = Random(f"{SEED} {salt}")
    for _ in range(count):
        minute, hour = _minute(chance), _hour(chance)
        day, month, weekday = (
            "*" if chance.random() < 0.75 else chance.choice(valid_fields(field))
            for field in (DAY, MONTH, WEEKDAY)
        )
        yield f"{minute} {hour} {day} {month} {weekday}"


def _minute(chance: Random) -> str:
    first, last, step = chance.randrange(60), chance.randrange(60), chance.randint(7, 40)
    return chance.choice(
        ["0", f"{first}", f"{first},{last}", f"{first}-59/{step}", f"*/{step}", f"0-{last}/9", "*/30"]
    )


def _hour(chance: Random) -> str:
    first, last, step = chance.randrange(6), chance.randrange(6), chance.randint(1, 5)
    return chance.choice(["2", f"{first}", f"{first},{last}", f"{first}-{last}", "1-3", "*", f"*/{step}"])


def expected(crontab: Mapping[str, str], *, zone: str, windows: Sequence[Window]) -> Fired:
    found: Fired = Counter()
    for name, times in crontab.items():
        schedule = parse_schedule(times)
        for window in windows:
            lived = frozenset(window)
            ahead = fires(schedule, ZoneInfo(zone), window.start - MINUTE)
            found.update((at, name) for at in takewhile(max(lived).__ge__, ahead) if at in lived)
    return found


def assert_equal(fired: Fired, wanted: Fired, crontab: Mapping[str, str]) -> None:
    """With the time fields of what differs, not thousands of starts that do not."""
    print(len(crontab), "entries,", fired.total(), "starts")
    only_cron = [(str(at), crontab[name]) for at, name in fired - wanted]
    only_cronbox = [(str(at), crontab[name]) for at, name in wanted - fired]
    assert (sorted(only_cron), sorted(only_cronbox)) == ([], [])
    assert fired.total() > len(crontab) / 2


@pytest.mark.parametrize("zone", CHANGES)
def test_cron_fires_around_clock_changes_when_we_say(judge: Judge, zone: str) -> None:
    changes = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in CHANGES[zone]]
    windows = [Window(change - timedelta(hours=2), count=5 * 60) for change in changes]
    times = [*NEAR, *some_times(round(400 * SAMPLES), zone)]
    crontab = {f"e{number}": text for number, text in enumerate(times)}
    fired = judge.fire(crontab, zone=zone, windows=windows)
    assert_equal(fired, expected(crontab, zone=zone, windows=windows), crontab)


def test_cron_fires_on_the_days_when_we_say(judge: Judge) -> None:
    """Two minutes of each day from March 2027 to March 2029, with a 29 February among them."""
    windows = [Window(datetime(2027, 3, 1, tzinfo=UTC), count=2 * 731, every=timedelta(hours=12))]
    chance = Random(f"{SEED} days")
    fields = (DAY, MONTH, WEEKDAY)
    crontab = {
        f"e{number}": " ".join(
            ["0", chance.choice(["0", "12"]), *(chance.choice(valid_fields(f)) for f in fields)]
        )
        for number in range(round(200 * SAMPLES))
    }
    fired = judge.fire(crontab, zone="UTC", windows=windows)
    assert_equal(fired, expected(crontab, zone="UTC", windows=windows), crontab)
