"""CPU time and memory, as the kernel accounts for them. All need the engine's kernel to be this one."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class NotLocal(Exception):
    """The engine's processes cannot be seen from here."""


def cgroup_clock(pid: int) -> Path:
    """The file that counts the CPU time of the process's whole cgroup. Raises NotLocal.

    Version 1 (`cpuacct.usage`) is looked for first: where both are mounted, it does the accounting.
    """
    try:
        lines = (PROC / str(pid) / "cgroup").read_text().splitlines()
    except OSError as error:
        raise NotLocal(f"process {pid} is not on this machine: {error.strerror}") from error
    folders = {line.split(":", 2)[1]: line.split(":", 2)[2].lstrip("/") for line in lines}
    for controllers, folder in folders.items():
        clock = CGROUPS / controllers / folder / "cpuacct.usage"
        if "cpuacct" in controllers.split(",") and clock.exists():
            return clock
    clock = CGROUPS / folders.get("", "") / "cpu.stat"
    if not clock.exists():
        raise NotLocal(f"no cgroup of process {pid} under {CGROUPS} counts CPU time")
    return clock


def cpu_of_cgroup(clock: Path) -> float:
    """Seconds of CPU that everything in the cgroup ever used, its ended processes too."""
    text = clock.read_text()
    if clock.name == "cpuacct.usage":
        return int(text) / 1e9
    return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6


def cpu_of_process(pid: int) -> float:
    """Seconds of CPU of a process and of its children that were reaped, to 10 ms."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_A_SECOND


def cpu_of_threads(pid: int) -> float:
    """Seconds of CPU of a process's live threads, to the nanosecond."""
    tasks = (PROC / str(pid) / "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def processes_named(*names: str) -> list[int]:
    """Every process of one of these program names (`comm`, so 15 characters)."""
    found = []
    for folder in PROC.glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() in names:
                found.append(int(folder.name))
        except FileNotFoundError:
            continue
    return found


def memory_of(pid: int) -> tuple[float, float]:
    """(RSS, PSS) of a process in MB."""
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6
