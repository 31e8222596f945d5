"""A thousand jobs of one minute: how far the first start is from the last, and the CPU of it all.

Debian's crond and a real minute each, bare and in a box, by turns, in containers of one image. Every job
writes down when it has started, in the same way on both sides; what that takes is in both figures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench, Skip
from benchmarks.cpu import NotLocal, cgroup_clock, cpu_of_cgroup
from benchmarks.figures import LESS, Row

BOX = "etl"
JOBS = 1000
LEAD_S = 60
BEFORE_S, AFTER_S = 3, 50
"""A minute is measured from so long before its second 0 to so long after."""
STARTS = "/data/starts"
COMMAND = f"date +\\%s.\\%N >>{STARTS}"


def measure(bench: Bench) -> Iterator[Row]:
    project = bench.project("thousand")
    project.crontab(f"{BOX}/jobs", "# cronbox: name=none\n0 0 1 1 * root true\n")
    project.cli("up", timeout=900)
    rounds = bench.times(3, 1)
    first = (int(time.time()) + LEAD_S) // 60 * 60 + 60
    turns = [first + 60 * turn for turn in range(2 * rounds)]
    bare = _bare_cron(bench, project.box(BOX).attrs["Image"], turns[0::2])
    project.crontab(f"{BOX}/jobs", _crontab(turns[1::2], named=True))
    project.cli("up")
    if time.time() > first - BEFORE_S:
        raise Skip("setting up took longer than the minute that was planned for it")
    seen = [_minute(bench, (bare, project.box(BOX))[turn % 2], start) for turn, start in enumerate(turns)]
    spread, cpu = zip(*seen, strict=True)
    yield _row(f"{JOBS} jobs of one minute, first start to last", spread, 1, "s")
    yield _row(f"{JOBS} jobs of one minute, CPU", cpu, 1, "s")


def _row(name: str, seen: tuple[float, ...], ours: int, unit: str) -> Row:
    figure, baseline = statistics.median(seen[ours::2]), statistics.median(seen[1 - ours :: 2])
    return Row(name, figure, baseline, unit, "bare cron", LESS)


def _minute(bench: Bench, container: Any, start: int) -> tuple[float, float]:
    """Seconds from the first start to the last, and of CPU, in the minute that begins at `start`."""
    container.reload()
    try:
        clock = cgroup_clock(int(container.attrs["State"]["Pid"]))
    except NotLocal as reason:
        raise Skip(str(reason)) from reason
    time.sleep(max(0.0, start - BEFORE_S - time.time()))
    before = cpu_of_cgroup(clock)
    time.sleep(max(0.0, start + AFTER_S - time.time()))
    used = cpu_of_cgroup(clock) - before
    _, output = container.exec_run(["sh", "-c", f"cat {STARTS}; rm {STARTS}"])
    starts = sorted(map(float, output.split()))
    if len(starts) != JOBS:
        raise Skip(f"{len(starts)} jobs of {container.name} had started after {AFTER_S} s instead of {JOBS}")
    bench.say(f"{container.name}: {starts[-1] - starts[0]:.2f} s from first to last, CPU {used:.2f} s")
    return starts[-1] - starts[0], used


def _crontab(starts: list[int], *, named: bool) -> str:
    minutes = ",".join(str(start // 60 % 60) for start in starts)
    name = "# cronbox: name=job-{}\n" if named else ""
    return "".join(f"{name.format(job)}{minutes} * * * * root {COMMAND}\n" for job in range(JOBS))


def _bare_cron(bench: Bench, image: str, starts: list[int]) -> Any:
    """crond with its own table, which is too large for an environment variable."""
    script = "while ! [ -e /etc/cron.d/bench ]; do sleep 0.1; done; exec cron -f"
    container = bench.container("thousand-cron", image, ["sh", "-c", script])
    container.start()
    text = _crontab(starts, named=False)
    code, output = container.exec_run(
        ["python3", "-c", "import sys; open('/etc/cron.d/bench', 'w').write(sys.argv[1])", text]
    )
    assert code == 0, output
    return container
