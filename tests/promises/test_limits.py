"""A job keeps to its limits, and what it does within them the box survives: in a real box, with what little
root may do there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("limits")]

CRONTAB = """
# cronbox: name=greedy
0 0 1 1 * root exec python3 -c 'x = bytearray(10**9); print(len(x))'
# cronbox: name=greedy-child
0 0 1 1 * root python3 -c 'x = bytearray(10**9); print(len(x))'; exit $?
# cronbox: name=many
0 0 1 1 * nobody exec sh /scripts/many
# cronbox: name=modest memory-limit=50MiB
0 0 1 1 * nobody exec python3 -c 'x = bytearray(10**8)'
# cronbox: name=busy cpu-time=1s
0 0 1 1 * nobody exec python3 -c 'while True: pass'
# cronbox: name=polite nice=7 ionice=idle
0 0 1 1 * nobody nice; ionice
# cronbox: name=hopper timeout=2s kill-after=1s
0 0 1 1 * nobody exec sh /scripts/hopper
# cronbox: name=root-hopper timeout=2s kill-after=1s
0 0 1 1 * root exec sh /scripts/hopper
# cronbox: name=storm timeout=3s kill-after=1s max-processes=60
0 0 1 1 * games exec sh /scripts/storm
# cronbox: name=changeling timeout=2s kill-after=1s
0 0 1 1 * root setsid -f setpriv --reuid=daemon --clear-groups sh -c 'trap "" TERM; sleep 301; :'; sleep 302
# cronbox: name=calm
0 0 1 1 * games sleep 4; echo done
# cronbox: name=quick
0 0 1 1 * root echo quick
"""
SCRIPTS = {
    # A hundred processes, each of them smaller than the agent, and together more than the box.
    "many": """
exec perl -e '$x = "a" x 4_000_000;
  for (1..100) { if (!fork) { $x =~ tr/a/b/; sleep 10; exit } } sleep 10'
""",
    # Each lives but a moment, in a session of its own, and leaves one child.
    "hopper": """
perl -MPOSIX -e '$SIG{TERM} = "IGNORE"; while (1) { fork and exit; POSIX::setsid() }' &
sleep 300
""",
    # As many as may be, at any time, each as above.
    "storm": """
perl -MPOSIX -e '$SIG{TERM} = "IGNORE"; while (1) { my $c = fork; POSIX::setsid();
  exit if defined $c and $c and rand() < 0.4 }' 2>/dev/null &
sleep 300
""",
}
NOBODY, GAMES, DAEMON = 65534, 5, 1


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One box for all tests of this file, with its daemon."""
    root: Path = tmp_path_factory.mktemp("limits")
    project = Project(root, f"test-limits-{id(root) % 99991}")
    (root / "scripts").mkdir()
    for name, text in SCRIPTS.items():
        (root / "scripts" / name).write_text(text)
    project.configure("[boxes.etl]\nscripts = 'scripts'\nmemory = '256m'\n")
    project.crontab("etl/jobs", CRONTAB)
    try:
        project.cli("up")
        with project.daemon():
            yield project
    finally:
        project.clean()


def finished(project: Project, job: str) -> Any:
    """The run of `job` that is started now, once it has come to its end."""
    before = {run["id"] for run in project.runs(f"etl/{job}")}
    project.fire("etl", job)

    def ended() -> list[Any]:
        runs = project.runs(f"etl/{job}")
        return [run for run in runs if run["finished_at"] and run["id"] not in before]

    return wait_until(ended, within=60)[0]


def processes(project: Project) -> list[str]:
    """The live processes in the box, as `uid name`."""
    script = (
        "import os\n"
        "for p in filter(str.isdigit, os.listdir('/proc')):\n"
        " try: lines = dict(l.split(':', 1) for l in open(f'/proc/{p}/status'))\n"
        " except OSError: continue\n"
        " if lines['State'].split()[0] != 'Z': print(lines['Uid'].split()[1], lines['Name'].strip())"
    )
    return project.inside("etl", "python3", "-c", script).splitlines()


@pytest.mark.parametrize("job", ["greedy", "greedy-child"])
def test_a_run_that_dies_of_the_boxs_memory_says_so(box: Project, job: str) -> None:
    run = finished(box, job)
    assert (run["status"], run["reason"]) == ("failed", "the box ran out of memory (limit 256 MiB)")


def test_the_box_outlives_many_small_processes_that_use_up_its_memory(box: Project) -> None:
    began = box.box("etl").attrs["State"]["StartedAt"]
    box.fire("etl", "many")
    wait_until(lambda: box.inside("etl", "cat", "/log/cron.log").count('"job":"many"') == 2, within=60)
    assert "oom_kill 0" not in box.inside(
        "etl",
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null; :",
    )
    assert finished(box, "quick")["status"] == "succeeded"
    assert box.box("etl").attrs["State"]["StartedAt"] == began


def test_a_run_cannot_have_more_memory_than_its_limit(box: Project) -> None:
    run = finished(box, "modest")
    assert (run["status"], run["exit_code"]) == ("failed", 1)
    assert "MemoryError" in box.cli("logs", run["id"]).stdout


def test_a_run_that_used_up_its_cpu_time_says_so(box: Project) -> None:
    run = finished(box, "busy")
    assert (run["status"], run["reason"]) == ("failed", "used up its cpu-time of 1 s")


def test_a_run_gives_way_as_it_is_told(box: Project) -> None:
    run = finished(box, "polite")
    assert [line.split("| ")[-1] for line in box.cli("logs", run["id"]).stdout.splitlines()] == ["7", "idle"]


@pytest.mark.parametrize("job", ["hopper", "root-hopper"])
def test_a_process_that_is_a_new_one_each_moment_does_not_outlive_the_timeout(box: Project, job: str) -> None:
    run = finished(box, job)
    assert (run["status"], "perl (" in run["reason"]) == ("timed_out", True)
    assert not [line for line in processes(box) if line.endswith(" perl")]


def test_a_storm_of_forks_within_its_limit_ends_with_the_timeout_and_hurts_nobody(box: Project) -> None:
    box.fire("etl", "storm", "calm")
    wait_until(lambda: len([line for line in processes(box) if line == f"{GAMES} perl"]) > 5)
    assert finished(box, "quick")["status"] == "succeeded"
    [storm] = wait_until(lambda: [run for run in box.runs("etl/storm") if run["finished_at"]])
    assert storm["status"] == "timed_out"
    assert not [line for line in processes(box) if line == f"{GAMES} perl"]
    [calm] = wait_until(lambda: [run for run in box.runs("etl/calm") if run["finished_at"]])
    assert (calm["status"], calm["reason"]) == ("succeeded", None)


def test_what_became_another_user_does_not_outlive_the_timeout(box: Project) -> None:
    run = finished(box, "changeling")
    assert run["status"] == "timed_out"
    assert not [line for line in processes(box) if line.startswith(f"{DAEMON} ")]
