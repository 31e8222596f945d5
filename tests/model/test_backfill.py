"""Which past slots are to be run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.backfill import plan_for, slots_between
from cronbox.model.fields import parse_schedule
from cronbox.model.run import Run, Status, Trigger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def runs(*statuses: Status) -> list[Run]:
    return [
        Run(f"r{n}", "etl", "load", Trigger.CRON, status, scheduled_for=NOON, started_at=NOON)
        for n, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "again", "verdict"),
    [
        ([], False, "todo"),
        ([Status.FAILED], False, "todo"),
        ([Status.MISSED], False, "todo"),
        ([Status.SKIPPED, Status.LOST, Status.KILLED, Status.TIMED_OUT], False, "todo"),
        ([Status.SUCCEEDED], False, "r0"),
        ([Status.FAILED, Status.SUCCEEDED, Status.FAILED], False, "r1"),
        ([Status.FAILED, Status.QUEUED], False, "going r1"),
        ([Status.RUNNING], False, "going r0"),
        ([Status.SUCCEEDED, Status.RUNNING], False, "r0"),
        ([Status.SUCCEEDED], True, "todo"),
        ([Status.SUCCEEDED, Status.RUNNING], True, "going r1"),
    ],
)
def test_a_slot_is_done_goes_on_or_is_to_be_run(statuses: list[Status], again: bool, verdict: str) -> None:
    plan = plan_for([NOON], {NOON: runs(*statuses)}, again=again)
    found = [run.id for run in plan.done.values()] + [f"going {run.id}" for run in plan.going.values()]
    assert found + ["todo" for _ in plan.todo] == [verdict]
    assert plan.slots == [NOON]


def test_slots_lie_between_the_first_moment_and_before_the_last() -> None:
    found = slots_between(parse_schedule("*/15 * * * *"), ZoneInfo("UTC"), NOON, NOON + timedelta(minutes=30))
    assert [slot.minute for slot in found] == [0, 15]


def test_two_starts_in_the_minute_after_a_gap_are_one_slot() -> None:
    day = datetime(2026, 3, 29, tzinfo=UTC)
    found = slots_between(
        parse_schedule("0,30 2 * * *"), ZoneInfo("Europe/Berlin"), day, day + timedelta(days=1)
    )
    assert found == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
