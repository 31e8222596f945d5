"""The clock of a box is set forward by two hours, and back: each start stands for the slot it was for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.xdist_group("clock"),
    pytest.mark.timeout(600),
]

HOURS = timedelta(hours=2)
LIBRARY, CLOCK = "/data/libfaketime.so", "/data/clock"
CONFIG = f"""
[boxes.etl]
apt = ["libfaketime"]
timezone = "UTC"
[boxes.etl.env]
LD_PRELOAD = "{LIBRARY}"
FAKETIME_TIMESTAMP_FILE = "{CLOCK}"
FAKETIME_NO_CACHE = "1"
FAKETIME_DONT_FAKE_MONOTONIC = "1"
NO_FAKE_STAT = "1"
"""


@pytest.fixture
def between(project: Project) -> datetime:
    """The minute of the job `fixed`, in the middle of the hours to come, in a box whose clock can be set.

    The library comes after the crontab: with it, Python cannot sleep, as `install` does.
    """
    moment = datetime.now(UTC) + HOURS / 2
    project.configure(CONFIG)
    project.crontab(
        "etl/jobs",
        "# cronbox: name=each\n* * * * * root true\n"
        f"# cronbox: name=fixed\n{moment.minute} {moment.hour} * * * root true\n",
    )
    project.cli("up", timeout=600)
    set_clock(project, timedelta())
    project.inside("etl", "sh", "-c", f"cp /usr/lib/*/faketime/libfaketimeMT.so.1 {LIBRARY}")
    project.box("etl").restart()
    return moment


def set_clock(project: Project, ahead: timedelta) -> None:
    """At once, for every process of the box."""
    project.inside("etl", "sh", "-c", f"echo +{ahead.total_seconds():.0f} >{CLOCK}")


def test_a_clock_that_is_set_forward_and_back_leaves_each_slot_one_row(
    project: Project, between: datetime
) -> None:
    wait_until(lambda: starts(project, "each"), within=130)
    set_clock(project, HOURS)
    [fixed] = wait_until(lambda: starts(project, "fixed"), within=130)
    assert fixed["scheduled_for"] == f"{between:%Y-%m-%dT%H:%M:00Z}"
    wait_until(lambda: ahead(project, "each"), within=130)
    set_clock(project, timedelta())
    back = datetime.now(UTC)
    wait_until(lambda: after(project, "each", back), within=190)
    slots = Counter((run["job"], run["scheduled_for"], run["occurrence"]) for run in starts(project))
    assert set(slots.values()) == {1}
    assert len(starts(project, "fixed")) == 1
    assert not [event for event in project.log("etl") if event["type"] == "agent_error"]
    assert [event["seq"] for event in project.log("etl")] == list(range(1, len(project.log("etl")) + 1))


def starts(project: Project, *jobs: str) -> list[dict[str, Any]]:
    events = [event for event in project.log("etl") if event["type"] == "started"]
    return [event for event in events if not jobs or event["job"] in jobs]


def ahead(project: Project, job: str) -> list[dict[str, Any]]:
    """Starts for slots that lie an hour or more in the future."""
    limit = datetime.now(UTC) + HOURS / 2
    return [run for run in starts(project, job) if _slot(run) > limit]


def after(project: Project, job: str, moment: datetime) -> list[dict[str, Any]]:
    """Starts for slots from now on, once the clock is right again."""
    limit = datetime.now(UTC) + timedelta(minutes=5)
    return [run for run in starts(project, job) if moment < _slot(run) < limit]


def _slot(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["scheduled_for"])
