"""What stands in memory while nothing happens, and the CPU that doing nothing takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cpu import cpu_of_threads, memory_of
from benchmarks.figures import Row, at_most
from benchmarks.fleet import BOXES, Fleet

SLEEP = "import time; time.sleep(3600)"
SETTLE_S = 10
LOOK = """
import sys, time, docker
client = docker.from_env()
while True:
    client.api.containers(all=True, filters={"label": "cronbox.project=" + sys.argv[1]})
    time.sleep(5)
"""
"""The least that a service does which looks every five seconds at what runs."""


def measure(bench: Bench) -> Iterator[Row]:
    fleet = bench.fleet
    yield from _agent(bench, fleet)
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as bare:
        time.sleep(1)
        rss = memory_of(bare.pid)[0]
        bare.kill()
    figure = memory_of(fleet.daemon)[0]
    yield Row(f"daemon with {BOXES} boxes, RSS", figure, rss, "MB", "bare python", at_most(120, "MB"))
    yield _idle(bench, fleet)


def _agent(bench: Bench, fleet: Fleet) -> Iterator[Row]:
    """Of each box the agent, PID 1, and its crond; beside them bare ones in containers of the same image."""
    agents = [int(fleet.container(box).attrs["State"]["Pid"]) for box in fleet.boxes]
    image = fleet.container(fleet.boxes[0]).attrs["Image"]
    python = memory_of(_started(bench.container("python", image, ["python3", "-IS", "-c", SLEEP])))
    cron = memory_of(_started(bench.container("cron-f", image, ["cron", "-f"])))
    rss, pss = (statistics.median(memory_of(agent)[kind] for agent in agents) for kind in (0, 1))
    box = statistics.median(memory_of(agent)[1] + memory_of(_child(agent))[1] for agent in agents)
    yield Row("agent, RSS", rss, python[0], "MB", "bare python3 -IS", at_most(15, "MB"))
    yield Row("agent, PSS", pss, python[1], "MB", "bare python3 -IS")
    yield Row("agent and its crond, PSS", box, cron[1], "MB", "bare cron -f")


def _started(container: Any) -> int:
    """The process of a container that was given a second to settle."""
    container.start()
    time.sleep(1)
    container.reload()
    return int(container.attrs["State"]["Pid"])


def _child(pid: int) -> int:
    """The one child of an idle agent: crond."""
    with open(f"/proc/{pid}/task/{pid}/children") as children:  # noqa: PTH123
        return int(children.read().split()[0])


def _idle(bench: Bench, fleet: Fleet) -> Row:
    """The daemon and the least service, over the same seconds; percent of one core."""
    seconds = bench.times(60, 20)
    with subprocess.Popen([sys.executable, "-c", LOOK, fleet.project.name]) as least:
        time.sleep(SETTLE_S)
        bench.say(f"nothing happens for {seconds} s")
        pids = (fleet.daemon, least.pid)
        before = [cpu_of_threads(pid) for pid in pids]
        time.sleep(seconds)
        figure, baseline = (
            (cpu_of_threads(pid) - b) / seconds * 100 for pid, b in zip(pids, before, strict=True)
        )
        least.kill()
    return Row(
        f"idle daemon with {BOXES} boxes, CPU",
        figure,
        baseline,
        "%",
        "listing them each 5 s",
        at_most(1, "%"),
    )
