"""A missed slot is visible within 60 s after its grace, with its reason; what comes late replaces it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cronbox.model.event import parse_time
from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("missed")]

CRONTAB = "# cronbox: name=each grace=5s\n* * * * * root true\n"
GRACE = timedelta(seconds=5)
VISIBLE = timedelta(seconds=60)


@pytest.fixture
def ticking(project: Project) -> Project:
    """A box whose cron has proved that it runs the job."""
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    wait_until(lambda: project.runs("etl/each", "--trigger", "cron"), within=90, every=1.0)
    return project


def _missed(project: Project) -> list[tuple[datetime, str]]:
    found = project.runs("etl/each", "--status", "missed")
    return sorted((parse_time(run["scheduled_for"]), run["reason"]) for run in found)


def test_a_slot_of_a_box_that_stands_still_is_missed_in_time_and_opens_a_condition(ticking: Project) -> None:
    with ticking.daemon():
        ticking.box("etl").pause()
        try:
            paused_at = datetime.now(UTC)
            slot, reason = wait_until(lambda: _missed(ticking), within=150, every=0.5)[0]
            seen_at = datetime.now(UTC)
            assert paused_at - timedelta(seconds=3) < slot
            assert seen_at - slot - GRACE < VISIBLE
            assert reason == "the box was paused by the engine"
            [box] = ticking.json("ps")
            assert {each["kind"] for each in box["conditions"]} == {"box_down", "missed"}
        finally:
            ticking.box("etl").unpause()
        wait_until(lambda: not ticking.json("ps")[0]["conditions"], within=150, every=1.0)


def test_without_a_daemon_a_command_tells_what_a_stopped_box_has_missed(ticking: Project) -> None:
    ticking.box("etl").stop()
    slot = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    time.sleep((slot + GRACE - datetime.now(UTC)).total_seconds() + 1)
    assert (slot, "the box was down") in _missed(ticking)
    assert {each["kind"] for each in ticking.json("ps")[0]["conditions"]} == {"box_down", "missed"}
    ticking.cli("down")
    assert ticking.json("ps")[0]["conditions"] == []


def test_an_edit_within_a_running_minute_invents_no_missed_slot(ticking: Project) -> None:
    with ticking.daemon():
        ticking.crontab("etl/jobs", CRONTAB + "# cronbox: name=other grace=5s\n* * * * * root true\n")
        wait_until(lambda: ticking.runs("etl/other", "--trigger", "cron"), within=150, every=1.0)
        time.sleep(20)
        assert ticking.runs("--status", "missed") == []
        counts = [run["scheduled_for"] for run in ticking.runs("etl/each", "--trigger", "cron")]
        assert len(counts) == len(set(counts))
