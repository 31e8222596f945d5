"""Many runs of one box: the agent's CPU for each, and its memory while five hundred go on at once.

CPU is the agent's own (`schedstat`), not that of the processes that it starts; the baseline does the least
that any starter in Python must: one `posix_spawn` of the same shell, and a `wait`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cpu import cpu_of_threads, memory_of
from benchmarks.figures import Row, at_most
from tests.project import Project, wait_until

BOX = "etl"
CROWD = 500
A_LINE = 100
"""So many job names in one line of the FIFO."""
CRONTAB = """\
# cronbox: name=quick overlap=allow
0 0 1 1 * root true
# cronbox: name=long overlap=allow
0 0 1 1 * root exec sleep 600
"""
STARTER = """
import os, time
for _ in range({}):
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "true"], os.environ), 0)
time.sleep(3600)
"""


def measure(bench: Bench) -> Iterator[Row]:
    project = bench.project("crowd")
    project.crontab(f"{BOX}/jobs", CRONTAB)
    project.cli("up", timeout=900)
    container = project.box(BOX)
    agent = int(container.attrs["State"]["Pid"])
    runs = bench.times(1000, 300)
    bare = _bare_cpu(bench, container.attrs["Image"], runs)
    figure = _cpu_of_runs(project, agent, runs)
    yield Row("agent for each run, CPU", figure, bare, "ms", "bare python3, spawn and wait")
    idle = memory_of(agent)
    _fire(project, "long", CROWD)
    wait_until(lambda: _count(project, "started", "long") == CROWD, within=60)
    time.sleep(2)
    rss, pss = memory_of(agent)
    yield Row(f"agent with {CROWD} runs at once, RSS", rss, idle[0], "MB", "with none", at_most(40, "MB"))
    yield Row(f"agent with {CROWD} runs at once, PSS", pss, idle[1], "MB", "with none")


def _cpu_of_runs(project: Project, agent: int, runs: int) -> float:
    """Milliseconds for each run, in lots that come as a full minute does."""
    before = cpu_of_threads(agent)
    for done in range(0, runs, A_LINE):
        _fire(project, "quick", A_LINE)
        wait_until(lambda done=done: _count(project, "finished", "quick") >= done + A_LINE)
    return (cpu_of_threads(agent) - before) / runs * 1e3


def _bare_cpu(bench: Bench, image: str, runs: int) -> float:
    container = bench.container("starter", image, ["python3", "-IS", "-c", STARTER.format(runs)])
    idle = bench.container("starter-idle", image, ["python3", "-IS", "-c", STARTER.format(0)])
    used = [cpu_of_threads(_settled(each)) for each in (container, idle)]
    return (used[0] - used[1]) / runs * 1e3


def _settled(container: Any) -> int:
    """The process of a container, once it uses no more CPU."""
    container.start()
    container.reload()
    pid, before = int(container.attrs["State"]["Pid"]), -1.0
    while before != (before := cpu_of_threads(pid)):
        time.sleep(0.5)
    return pid


def _fire(project: Project, job: str, times: int) -> None:
    for _ in range(0, times, A_LINE):
        project.fire(BOX, *[job] * A_LINE)


def _count(project: Project, kind: str, job: str) -> int:
    """So many events of a kind the box's log has for a job, in all its segments."""
    pattern = f'"type":"{kind}",.*"job":"{job}"'
    counts = project.inside(BOX, "sh", "-c", f"cat /log/cron*.log | grep -c '{pattern}' || true")
    return int(counts)
