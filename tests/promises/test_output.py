"""Output is complete up to its limit, in order, and never takes the box, the daemon or the disk down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("output")]

CRONTAB = r"""
# cronbox: name=flood timeout=60s
0 0 1 1 * root exec python3 -c "for i in range(100000): print('line', i)"
# cronbox: name=paced
0 0 1 1 * root exec python3 -u /scripts/paced.py
# cronbox: name=wide output-limit=20MiB
0 0 1 1 * root exec python3 -c "print('x' * 10_000_000)"
# cronbox: name=over output-limit=1MiB
0 0 1 1 * root exec python3 -c "for i in range(200000): print('row', i)"
# cronbox: name=binary
0 0 1 1 * root exec python3 /scripts/binary.py
# cronbox: name=stubborn timeout=1s kill-after=1s
0 0 1 1 * nobody exec python3 /scripts/stubborn.py
# cronbox: name=parent
0 0 1 1 * root setsid sleep 300 & echo left one behind
# cronbox: name=streams
0 0 1 1 * nobody echo to-out; echo to-err >&2; echo again >/dev/stdout; echo more >/dev/stderr
"""
SCRIPTS = {
    "paced.py": """
import time
for second in range(3):
    begun = time.monotonic()
    for i in range(10000):
        print("tick", second, i)
    time.sleep(max(0, 1 - (time.monotonic() - begun)))
""",
    "binary.py": "import sys; sys.stdout.buffer.write(bytes(range(256)) * 64 + b'\\nend\\n')\n",
    "stubborn.py": """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
print("never mind", flush=True)
time.sleep(300)
""",
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One box for all tests of this file, with its daemon."""
    root: Path = tmp_path_factory.mktemp("output")
    project = Project(root, f"test-{root.name.replace('_', '-')}-{id(root) % 9973}")
    (root / "scripts").mkdir()
    for name, text in SCRIPTS.items():
        (root / "scripts" / name).write_text(text)
    project.configure("[boxes.etl]\nscripts = 'scripts'\n")
    project.crontab("etl/jobs", CRONTAB + _two_hundred())
    try:
        project.cli("up")
        with project.daemon():
            yield project
    finally:
        project.clean()


def _two_hundred() -> str:
    return "".join(f"# cronbox: name=crowd-{i}\n1 0 1 1 * root echo {i}\n" for i in range(200))


def finished(project: Project, job: str) -> Any:
    """The job's one run, once it has come to its end and its output is in the store."""
    project.fire("etl", job)
    [run] = wait_until(lambda: [run for run in project.runs(f"etl/{job}") if run["finished_at"]], within=60)
    return run


def lines(project: Project, run: Any, *args: str) -> list[str]:
    return project.cli("logs", run["id"], *args).stdout.splitlines()


def test_a_flood_of_lines_arrives_whole_and_in_order(box: Project) -> None:
    run = finished(box, "flood")
    assert run["status"] == "succeeded"
    assert [line.split("| ")[-1] for line in lines(box, run)] == [f"line {i}" for i in range(100_000)]


def test_ten_thousand_lines_a_second_arrive_whole_and_in_order(box: Project) -> None:
    run = finished(box, "paced")
    wanted = [f"tick {second} {i}" for second in range(3) for i in range(10_000)]
    assert [line.split("| ")[-1] for line in lines(box, run)] == wanted


def test_a_line_of_ten_million_bytes_arrives_whole(box: Project) -> None:
    run = finished(box, "wide")
    assert run["output_bytes"] == 10_000_001
    assert box.cli("logs", run["id"]).stdout.count("x") == 10_000_000


def test_output_over_the_limit_keeps_its_head_and_tail_and_says_what_is_gone(box: Project) -> None:
    run = finished(box, "over")
    kept = lines(box, run)
    assert run["dropped_bytes"] > 0
    assert kept[0].endswith("row 0") and kept[-1].endswith("row 199999")
    assert any(str(run["dropped_bytes"]) in line for line in kept)


def test_bytes_that_are_no_text_survive(box: Project) -> None:
    run = finished(box, "binary")
    raw = box.cli("logs", run["id"]).stdout.encode(errors="surrogateescape")
    assert raw == bytes(range(256)) * 64 + b"\nend\n"


def test_a_job_that_ignores_sigterm_is_killed_with_all_it_started(box: Project) -> None:
    run = finished(box, "stubborn")
    assert run["status"] == "timed_out"
    assert "stubborn.py" not in box.inside(
        "etl", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    ).replace("cat /proc", "")


def test_a_job_that_leaves_a_child_behind_comes_to_its_end(box: Project) -> None:
    run = finished(box, "parent")
    assert run["status"] == "succeeded"
    assert run["duration_s"] < 60
    assert lines(box, run)[0].endswith("left one behind")


def test_standard_streams_can_be_opened_by_name_by_any_user(box: Project) -> None:
    run = finished(box, "streams")
    assert [line.split("| ")[-1] for line in lines(box, run, "--stream", "out")] == ["to-out", "again"]
    assert [line.split("| ")[-1] for line in lines(box, run, "--stream", "err")] == ["to-err", "more"]


def test_two_hundred_jobs_of_one_minute_all_run(box: Project) -> None:
    keys = [f"crowd-{i}" for i in range(200)]
    for start in range(0, 200, 50):
        box.fire("etl", *keys[start : start + 50])
    wait_until(
        lambda: (
            sum(run["job"].startswith("crowd-") for run in box.runs("--status", "succeeded", "-n", "500"))
            == 200
        ),
        within=60,
    )
