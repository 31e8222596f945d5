"""Runs that a person asks for, their attempts, the queue and results: in a real box."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import CRONBOX, Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("asked")]

CRONTAB = """\
# cronbox: name=talk
0 0 1 1 * root echo "$DAY"
# cronbox: name=flaky retries=1 retry-delay=1s
0 0 1 1 * root test "$CRONBOX_ATTEMPT" = 2
# cronbox: name=month
0 0 1 * * root echo "$CRONBOX_SCHEDULED_FOR" >>/data/months; sleep 3
# cronbox: name=tell
0 0 1 1 * nobody umask 077; echo rows=5 >>$CRONBOX_RESULT; ls /run/cronbox-results
# cronbox: name=steal
0 0 1 1 * nobody ln -s /log/state.json $CRONBOX_RESULT
# cronbox: name=slow overlap=queue
0 0 1 1 * root sleep 100
"""
SPAN = ("--from", "2026-03-01T00:00:00Z", "--to", "2026-07-01T00:00:00Z")
MONTHS = [f"2026-0{month}-01T00:00:00Z" for month in (3, 4, 5, 6)]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose box `etl` is up, and no daemon."""
    root: Path = tmp_path_factory.mktemp("asked")
    name = f"test-{root.name.replace('_', '-')}-{root.parent.name[-6:]}"
    project = Project(root, name, "[boxes.etl]\nstop_grace = 1\n")
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    yield project
    project.clean()


def test_variables_and_arguments_reach_the_job_as_they_are_also_once_more(box: Project) -> None:
    odd = "two  words; $(id) '\""
    done = box.cli("run", "etl/talk", "--follow", "-e", "DAY=a=b *", "--", "--full", odd)
    id, *printed = done.stdout.splitlines()
    assert printed == [f"a=b * --full {odd}"]
    again, *printed = box.cli("rerun", id, "--follow").stdout.splitlines()
    assert printed == [f"a=b * --full {odd}"]
    shown = box.json("show", again)
    assert (shown["env"], shown["args"], shown["origin"]) == ({"DAY": "a=b *"}, ["--full", odd], id)


def test_parameters_that_are_longer_than_a_line_of_the_fifo_arrive(box: Project) -> None:
    done = box.cli("run", "etl/talk", "--follow", "-e", f"DAY={'x' * 50_000}")
    assert done.stdout.splitlines()[1] == "x" * 50_000


def test_a_retry_is_shown_with_the_attempt_before_it(box: Project) -> None:
    box.fire("etl", "flaky")
    wait_until(lambda: box.runs("etl/flaky", "--status", "succeeded"))
    last, first = box.runs("etl/flaky")
    assert (first["status"], last["trigger"], last["origin"]) == ("failed", "retry", first["id"])
    attempts = box.json("show", first["id"])["attempts"]
    assert [(run["id"], run["attempt"]) for run in attempts] == [(first["id"], 1), (last["id"], 2)]
    assert "retry 2" in box.cli("runs", "etl/flaky").stdout


def test_an_interrupted_backfill_goes_on_and_no_slot_runs_twice(box: Project) -> None:
    process = subprocess.Popen(
        [*CRONBOX, "backfill", "etl/month", *SPAN],
        cwd=box.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "succeeded" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on" in err
    answer = box.json("backfill", "etl/month", *SPAN)
    assert [(of["slot"], of["status"]) for of in answer] == [(slot, "succeeded") for slot in MONTHS]
    assert box.inside("etl", "cat", "/data/months").split() == MONTHS
    assert len(box.runs("etl/month")) == 4


def test_a_result_of_a_user_s_job_is_kept_though_nobody_else_may_read_it(box: Project) -> None:
    done = box.cli("run", "etl/tell", "--wait", ok=False)
    shown = box.json("show", done.stdout.strip())
    assert shown["result"] == {"rows": "5"}
    assert "Permission denied" in box.cli("logs", shown["id"]).stdout
    assert box.json("results", "etl/tell")[0]["result"] == {"rows": "5"}
    assert 'cronbox_job_result{box="etl",job="tell",key="rows"} 5.0' in box.cli("metrics").stdout
    assert box.inside("etl", "ls", "/run/cronbox-results") == ""


def test_a_link_in_the_place_of_a_result_reads_nothing(box: Project) -> None:
    done = box.cli("run", "etl/steal", "--wait")
    id = done.stdout.strip()
    assert box.json("show", id)["result"] is None
    assert "CRONBOX_RESULT is not read" in box.cli("logs", id).stdout


def test_a_run_waits_on_over_a_restart_of_its_box_and_one_that_waits_can_be_killed(box: Project) -> None:
    box.cli("run", "etl/slow")
    waits = box.cli("run", "etl/slow")
    id = waits.stdout.strip()
    assert f"run {id} waits: overlap" in waits.stderr
    [listed] = box.runs("--status", "queued")
    assert (listed["id"], listed["reason"][:7]) == (id, "overlap")
    box.cli("restart", "etl")
    wait_until(lambda: box.json("show", id)["status"] == "running")
    last = box.cli("run", "etl/slow").stdout.strip()
    assert box.cli("kill", last).stdout == f"{last} was killed\n"
    assert box.json("show", last)["started_at"] is None
    box.cli("kill", id)
