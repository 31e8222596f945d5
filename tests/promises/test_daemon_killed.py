"""Daemon down is not jobs down: whatever happens to the daemon, nothing is lost and nothing is doubled."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("daemon-killed")]

CRONTAB = """\
# cronbox: name=count overlap=allow
0 0 1 1 * root ID=$CRONBOX_RUN_ID; seq -f "$ID line \\%g" 5; sleep 1; echo "$ID" >>/data/truth
"""
KILLS = 8
FIRES_BETWEEN = 4


def test_a_daemon_killed_again_and_again_loses_no_run_and_doubles_no_line(project: Project) -> None:
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    dice = random.Random(7)
    fired = 0
    for _ in range(KILLS):
        daemon = project.start_daemon()
        for _ in range(FIRES_BETWEEN):
            project.fire("etl", "count")
            fired += 1
            time.sleep(dice.uniform(0.05, 1.0))
        daemon.kill()
        daemon.wait()
    truth = wait_until(lambda: _truth(project, fired))
    with project.daemon():
        wait_until(lambda: len(project.runs("-n", "1000", "--status", "succeeded")) == fired)
        runs = project.runs("-n", "1000")
    assert Counter(run["id"] for run in runs) == Counter(truth)
    for run in runs:
        lines = project.cli("logs", run["id"]).stdout
        assert [lines.count(f"{run['id']} line {i}") for i in range(1, 6)] == [1] * 5


def _truth(project: Project, fired: int) -> list[str]:
    """The ids of the runs that came to their end, as the jobs themselves wrote them down."""
    ids = project.inside("etl", "sh", "-c", "cat /data/truth || true").split()
    return ids if len(ids) == fired else []


def test_jobs_that_ran_while_no_daemon_did_are_on_record_afterwards(project: Project) -> None:
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    project.fire("etl", "count")
    project.fire("etl", "count")
    wait_until(lambda: _truth(project, 2))
    with project.daemon():
        wait_until(lambda: len(project.runs("--status", "succeeded")) == 2)


def test_a_second_daemon_is_told_who_runs_and_a_stopped_one_leaves_the_boxes(project: Project) -> None:
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    with project.daemon() as first:
        wait_until(lambda: "daemon_started" in (project.root / "daemon.log").read_text())
        refused = project.cli("daemon", ok=False)
        assert refused.returncode == 1
        assert f"process {first.pid}" in refused.stderr
        began = project.box("etl").attrs["State"]["StartedAt"]
        first.terminate()
        assert first.wait(timeout=5) == 0
    assert project.box("etl").attrs["State"]["StartedAt"] == began
