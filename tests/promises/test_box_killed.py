"""A run never stays `running` for ever: a dead box's runs are closed, and the box comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("box-killed")]

CRONTAB = """\
# cronbox: name=long
0 0 1 1 * root echo begun; exec sleep 600
# cronbox: name=short
0 0 1 1 * root echo quick
# cronbox: name=graceful
0 0 1 1 * root echo begun; sleep 2; echo done
"""


@pytest.fixture
def busy(project: Project) -> Iterator[Project]:
    """A project whose daemon runs, and whose box is in the middle of the run of `long`."""
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    with project.daemon():
        wait_until(lambda: "begun" in project.cli("logs", _running(project, "long")["id"]).stdout)
        yield project


def _running(project: Project, job: str) -> Any:
    if not project.runs(f"etl/{job}"):
        project.fire("etl", job)
    return wait_until(lambda: project.runs(f"etl/{job}", "--status", "running"))[0]


def _lost(project: Project) -> Any:
    return wait_until(lambda: project.runs("etl/long", "--status", "lost"), within=10)[0]


def _back(project: Project) -> None:
    """The box runs again, and runs jobs."""
    wait_until(lambda: project.json("ps")[0]["state"] == "running", within=40)
    wait_until(lambda: project.box("etl").status == "running")
    project.cli("run", "etl/short", "--wait")
    assert project.runs("etl/short", "--status", "succeeded")


def test_docker_kill_in_mid_run_loses_the_run_with_a_reason_and_the_box_comes_back(busy: Project) -> None:
    busy.box("etl").kill()
    run = _lost(busy)
    assert "signal 9" in run["reason"]
    assert run["finished_at"] and run["exit_code"] is None
    _back(busy)


def test_docker_rm_in_mid_run_loses_the_run_with_a_reason_and_the_box_comes_back(busy: Project) -> None:
    busy.box("etl").remove(force=True)
    assert _lost(busy)["reason"]
    _back(busy)


def test_docker_restart_ends_the_run_on_record_and_the_box_goes_on(busy: Project) -> None:
    busy.box("etl").restart(timeout=1)
    ended = wait_until(
        lambda: [run for run in busy.runs("etl/long") if run["status"] in ("lost", "killed")], within=20
    )
    assert ended[0]["reason"]
    _back(busy)


def test_docker_stop_lets_a_running_job_end_within_its_grace(project: Project) -> None:
    project.crontab("etl/jobs", CRONTAB)
    project.configure("[boxes.etl]\nstop_grace = '20s'\n")
    project.cli("up")
    project.fire("etl", "graceful")
    wait_until(lambda: any(event["type"] == "started" for event in project.log("etl")))
    box = project.box("etl")
    box.stop()
    box.reload()
    assert box.attrs["State"]["ExitCode"] == 0
    [run] = project.runs("etl/graceful")
    assert run["status"] == "succeeded"
    assert project.cli("logs", run["id"]).stdout.endswith("done\n")


def test_a_box_that_runs_out_of_memory_says_so(project: Project) -> None:
    project.crontab(
        "etl/jobs",
        "# cronbox: name=greedy\n0 0 1 1 * root exec python3 -c 'x = bytearray(10**9); print(len(x))'\n",
    )
    project.configure("[boxes.etl]\nmemory = '64m'\n")
    project.cli("up")
    with project.daemon():
        project.fire("etl", "greedy")
        [run] = wait_until(lambda: [run for run in project.runs("etl/greedy") if run["finished_at"]])
        assert (run["status"], run["signal"]) == ("failed", 9)
