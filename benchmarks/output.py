"""What a job prints, from its pipe to the store: how fast, and what the agent's part of it costs.

Baseline: the same program alone in a container with the engine's json-file driver, from its start until
`docker logs -f` has handed over its last byte; and the CPU of dockerd and the container's shim for it.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing

from benchmarks.bench import Bench
from benchmarks.cpu import cpu_of_process, cpu_of_threads, processes_named
from benchmarks.execs import ENGINE
from benchmarks.figures import Row, at_least_times
from benchmarks.fleet import database_of
from tests.project import Project, wait_until

BOX, JOB = "etl", "print"
MB = 1_000_000
LINE = "2026-11-23 21:00:00 INFO loaded 1200 rows of orders into warehouse.public.orders"
PROGRAM = f"for _ in range({{}}): print({LINE!r})"
"""Lines as jobs print them, of 80 bytes."""
ENDED = "SELECT started_at, output_bytes FROM run WHERE id = ? AND finished_at IS NOT NULL"


def measure(bench: Bench) -> Iterator[Row]:
    size = bench.times(32, 8)
    command = PROGRAM.format(size * MB // (len(LINE) + 1))
    project = bench.project("output")
    project.crontab(
        f"{BOX}/jobs", f'# cronbox: name={JOB} output-limit=1g\n0 0 1 1 * root exec python3 -c "{command}"\n'
    )
    project.cli("up", timeout=900)
    ours, plain, agent_cpu, engine_cpu = [], [], [], []
    with project.daemon():
        for number in range(bench.times(5, 3)):
            seconds, cpu = _plain(bench, project, number, command)
            plain.append(size / seconds)
            engine_cpu.append(cpu / size * 1e3)
            seconds, cpu = _ours(project, size)
            ours.append(size / seconds)
            agent_cpu.append(cpu / size * 1e3)
            bench.say(f"{size} MB: json-file {plain[-1]:.1f} MB/s, store {ours[-1]:.1f} MB/s")
    yield Row(
        "output, job -> store",
        *(statistics.median(ours), statistics.median(plain)),
        *("MB/s", "docker logs -f, json-file", at_least_times(0.5)),
    )
    yield Row(
        "agent for each MB of output, CPU",
        *(statistics.median(agent_cpu), statistics.median(engine_cpu)),
        *("ms", "dockerd and its shims, json-file"),
    )


def _ours(project: Project, size: int) -> tuple[float, float]:
    """Seconds from the start of a run until the store has its end, and so its output; the agent's CPU."""
    agent = int(project.box(BOX).attrs["State"]["Pid"])
    before = cpu_of_threads(agent)
    run = json.loads(project.cli("run", f"{BOX}/{JOB}", "--json").stdout)["id"]
    with closing(sqlite3.connect(database_of(project), isolation_level=None)) as database:
        started, printed = wait_until(
            lambda: database.execute(ENDED, (run,)).fetchone(), within=300, every=0.01
        )
    seconds = time.time() - started / 1e6
    assert printed >= size * MB * 0.99, f"{printed} bytes of {size} MB"
    return seconds, cpu_of_threads(agent) - before


def _plain(bench: Bench, project: Project, number: int, command: str) -> tuple[float, float]:
    image = project.box(BOX).attrs["Image"]
    container = bench.container(
        f"json-{number}", image, ["python3", "-c", command], log_config={"Type": "json-file"}
    )
    before, begun = _engine_cpu(), time.monotonic()
    container.start()
    logs = subprocess.run(["docker", "logs", "-f", container.id], check=True, stdout=subprocess.DEVNULL)
    assert logs.returncode == 0
    return time.monotonic() - begun, _engine_cpu() - before


def _engine_cpu() -> float:
    return sum(map(cpu_of_process, processes_named(*ENGINE)))
