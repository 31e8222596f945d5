"""A full /log loses nothing: what happens meanwhile waits in memory, and a job that prints waits with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("full-disk")]

CRONTAB = """\
# cronbox: name=talker output-limit=100MiB
0 0 1 1 * root exec python3 -c 'for n in range(60000): print(n, "x" * 100)'
# cronbox: name=quick
0 0 1 1 * root echo quick
"""
LINES = 60_000
ROOM = "size=16m"
"""For the log, and more than what the jobs print."""


@pytest.fixture
def box(project: Project) -> Project:
    """A box whose /log is a small disk of its own, in memory."""
    labels = {"cronbox.project": project.name, "cronbox.box": "etl"}
    options = {"type": "tmpfs", "device": "tmpfs", "o": ROOM}
    project.docker.volumes.create(f"{project.name}-etl-log", driver_opts=options, labels=labels)
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    return project


def test_while_the_disk_of_the_log_is_full_jobs_run_and_nothing_is_lost(box: Project) -> None:
    with box.daemon():
        box.inside("etl", "sh", "-c", "cat /dev/zero >/log/filler 2>/dev/null; :")
        box.fire("etl", "talker", "quick")
        wait_until(lambda: "No space left" in str(status(box)["log_failure"]))
        wait_until(lambda: [run["job"] for run in status(box)["running"]] == ["talker"])
        box.inside("etl", "rm", "/log/filler")
        [quick] = wait_until(lambda: ended(box, "quick"))
        [talker] = wait_until(lambda: ended(box, "talker"))
    assert (quick["status"], talker["status"]) == ("succeeded", "succeeded")
    texts = [line.split("| ")[-1] for line in box.cli("logs", talker["id"]).stdout.splitlines()]
    assert texts == [f"{n} {'x' * 100}" for n in range(LINES)]
    events = every_event(box)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert any("No space left" in event["reason"] for event in events if event["type"] == "log_resumed")
    assert not [event for event in events if event["type"] == "agent_error"]


def status(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.inside("etl", "python3", "-IS", "/usr/lib/cronbox", "status"))
    return found


def ended(project: Project, job: str) -> list[dict[str, Any]]:
    return [run for run in project.runs(f"etl/{job}") if run["finished_at"]]


def every_event(project: Project) -> list[dict[str, Any]]:
    """All segments of the box's log, in their order."""
    text = project.inside("etl", "sh", "-c", "cat $(ls /log/cron-*.log /log/cron.log 2>/dev/null)")
    return [json.loads(line) for line in text.splitlines()]
