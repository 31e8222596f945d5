"""The other way to run jobs: one `docker exec` a run, through the SDK.

CPU: of dockerd, containerd and the shims, each with the children that it reaped (runc, and the process that
was executed), less what they used in as long a time with nothing to do. The asker's own CPU is not in it.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, NamedTuple

from benchmarks.cpu import NotLocal, cpu_of_process, processes_named

ENGINE = ("dockerd", "containerd", "containerd-shim")


class ExecRun(NamedTuple):
    """Median wall time and mean CPU of one run, in milliseconds."""

    wall: float
    cpu: float


def exec_run(container: Any, times: int) -> ExecRun:
    """Run `sh -c true` in a container so many times. Raises NotLocal without the engine's processes."""
    walls = []
    begun, used = time.monotonic(), _engine_cpu()
    for _ in range(times):
        before = time.monotonic()
        container.exec_run(["sh", "-c", "true"])
        walls.append(time.monotonic() - before)
    took, used = time.monotonic() - begun, _engine_cpu() - used
    idle = _engine_cpu()
    time.sleep(took)
    idle = _engine_cpu() - idle
    return ExecRun(statistics.median(walls) * 1e3, (used - idle) / times * 1e3)


def _engine_cpu() -> float:
    """Seconds of CPU of the engine's processes that live now."""
    engine = processes_named(*ENGINE)
    if not engine:
        raise NotLocal(f"none of {', '.join(ENGINE)} runs on this machine")
    return sum(map(cpu_of_process, engine))
