"""python-crontab reads entries as we do, and these are the places where its answer is not cron's."""

from __future__ import annotations

import pytest
from crontab import CronTab
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.crontab import parse_crontab
from cronbox.model.fields import FieldError, Schedule, parse_schedule


def theirs(line: str) -> tuple[str, str, list[frozenset[int]]] | None:
    """(user, command, sets) of an entry of a system crontab, or None where python-crontab refuses it."""
    items = [item for item in CronTab(tab=line + "\n", user=False) if item.is_valid()]
    if not items:
        return None
    sets = [frozenset(int(value) for value in part) for part in items[0].slices]
    return str(items[0].user), str(items[0].command), sets


def sets_of(schedule: Schedule) -> list[frozenset[int]]:
    return [schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays]


def part(low: int, high: int) -> st.SearchStrategy[str]:
    """What both accept: values, ranges that go up, and steps that are smaller than the range."""
    values = st.integers(low, high)
    ranges = st.tuples(st.integers(low, high - 1), st.integers(1, high)).filter(
        lambda pair: pair[0] < pair[1]
    )
    return st.one_of(
        st.just("*"),
        values.map(str),
        ranges.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.just("*/2"),
        st.just("*/3"),
    )


SHARED = st.tuples(part(0, 59), part(0, 23), part(1, 31), part(1, 12), part(0, 6)).map(" ".join)


@given(SHARED)
def test_an_entry_that_both_accept_means_the_same_to_both(times: str) -> None:
    line = f"{times} etl python3 /scripts/load.py --day x"
    (entry,) = parse_crontab(f"{line}\n".encode(), file="etl").entries
    assert theirs(line) == (entry.user, entry.text, sets_of(entry.schedule))


@pytest.mark.parametrize(
    "times", ["*/60 * * * *", "0 0 * * */8", "*foo * * * *", "1.5 * * * *", "22-2 * * * *"]
)
def test_python_crontab_refuses_what_cron_accepts(times: str) -> None:
    parse_schedule(times)
    assert theirs(f"{times} root x") is None


@pytest.mark.parametrize("times", ["~ * * * *", "@Daily"])
def test_python_crontab_accepts_what_cron_refuses(times: str) -> None:
    with pytest.raises(FieldError):
        parse_schedule(times)
    assert next(iter(CronTab(tab=f"{times} x\n"))).is_valid()


def test_python_crontab_reads_weekdays_with_a_step_up_to_seven_differently() -> None:
    assert parse_schedule("0 0 * * 1-7/2").weekdays == {0, 1, 3, 5}
    assert str(next(iter(CronTab(tab="0 0 * * 1-7/2 x\n"))).slices) == "0 0 * * */2"
