"""Statements that go past SQLAlchemy's own handling of values mean the same as those that do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.run import Run, Status, Trigger
from cronbox.store import Store, runs
from cronbox.store.statement import micros, moment
from cronbox.store.tables import UtcTime

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def slots(first: int, last: int) -> list[datetime]:
    return [NOON + timedelta(minutes=minute) for minute in range(first, last)]


def in_slots(job: str, moments: list[datetime]) -> list[Run]:
    return [
        Run(f"{job}-{at:%d%H%M}", "etl", job, Trigger.CRON, Status.SKIPPED, scheduled_for=at)
        for at in moments
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 64, 65, 256, 257, 600])
def test_a_list_of_any_length_finds_each_of_its_rows_and_no_other(store: Store, count: int) -> None:
    there = in_slots("load", slots(0, count + 3))
    wanted = {run.id: run for run in there[:count]}
    with store.transaction() as tx:
        runs.add(tx, there)
        assert runs.by_id(tx, [*wanted, "nothing"]) == wanted


@pytest.mark.parametrize(("jobs", "minutes"), [(1, 1), (1, 70), (70, 1), (9, 9)])
def test_exactly_the_slots_that_are_asked_for_are_found(store: Store, jobs: int, minutes: int) -> None:
    asked = {f"job-{number}": slots(number % 2, minutes) for number in range(jobs)}
    with store.transaction() as tx:
        for number in range(jobs + 1):
            runs.add(tx, in_slots(f"job-{number}", slots(0, minutes + 1)))
        found = [(run.job, run.scheduled_for) for run in runs.in_slots(tx, "etl", asked)]
        assert sorted(found) == sorted((job, slot) for job, moments in asked.items() for slot in moments)
        assert runs.in_slots(tx, "web", asked) == []


@given(st.none() | st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_and_read_as_its_column_would(at: datetime | None) -> None:
    column = UtcTime()
    assert micros(at) == column.process_bind_param(at, None)
    assert moment(micros(at)) == at
