"""The commands that step into a box, on a real engine."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import CRONBOX, Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("cli")]

CRONTAB = """\
# cronbox: name=talk ok-codes=0,5
0 0 1 1 * root echo out; echo err >&2; printf '\\377'; exit 5
# cronbox: name=fail
0 0 1 1 * root exit 7
# cronbox: name=slow timeout=1s
0 0 1 1 * root sleep 100
# cronbox: name=long
0 0 1 1 * root echo begun; sleep 100
# cronbox: name=dies
0 0 1 1 * root kill -9 $$
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose box `etl` is up, and no daemon."""
    root: Path = tmp_path_factory.mktemp("cli")
    project = Project(root, f"test-{root.name.replace('_', '-')}-{root.parent.name[-6:]}")
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    yield project
    project.clean()


@pytest.mark.parametrize(("job", "code"), [("talk", 5), ("fail", 7), ("slow", 124), ("dies", 137)])
def test_run_with_wait_ends_with_what_the_job_ended_with(box: Project, job: str, code: int) -> None:
    done = box.cli("run", f"etl/{job}", "--wait", ok=False)
    assert done.returncode == code
    assert box.json("show", done.stdout.strip())["finished_at"]


def test_run_with_follow_prints_both_streams_and_records_the_run(box: Project) -> None:
    done = subprocess.run(
        [*CRONBOX, "run", "etl/talk", "--follow"], cwd=box.root, capture_output=True, check=False, timeout=60
    )
    id, *lines = done.stdout.split(b"\n")
    assert lines == [b"out", b"\xff"]
    assert done.stderr == b"err\n"
    assert box.json("show", id.decode())["status"] == "succeeded"
    assert set(box.cli("logs", id.decode(), "--stream", "err").stdout.split()) == {"err"}


def test_interrupting_follow_leaves_the_run_alone_until_kill_ends_it(box: Project) -> None:
    process = subprocess.Popen(
        [*CRONBOX, "run", "etl/long", "--follow"],
        cwd=box.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    id = process.stdout.readline().strip()
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"`cronbox kill {id}` ends it" in err
    assert box.json("show", id)["status"] == "running"
    assert box.cli("kill", id[:10]).stdout == f"{id} was killed\n"
    assert box.json("show", id)["status"] == "killed"


def test_following_a_run_shows_lines_as_they_come_and_ends_with_it(box: Project) -> None:
    id = box.json("run", "etl/long")["id"]
    process = subprocess.Popen(
        [*CRONBOX, "logs", id, "-f"], cwd=box.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    box.cli("kill", id)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_exec_passes_streams_and_exit_code_through(box: Project) -> None:
    done = subprocess.run(
        [*CRONBOX, "exec", "etl", "--", "sh", "-c", "cat; echo no >&2; exit 9"],
        cwd=box.root,
        input=b"\x00\xff through",
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (9, b"\x00\xff through", b"no\n")


def test_a_pause_is_in_force_in_the_box_at_once(box: Project) -> None:
    box.cli("pause", "etl/fail", "--why", "moving house")
    box.fire("etl", "fail")
    skipped = wait_until(lambda: box.runs("etl/fail", "--status", "skipped"))
    assert "paus" in skipped[0]["reason"]
    box.cli("resume", "etl/fail")
    assert not [job for job in box.json("jobs") if job["paused"]]


def test_doctor_finds_the_box_well(box: Project) -> None:

    wait_until(lambda: box.cli("doctor", ok=False).returncode == 0, within=90)
