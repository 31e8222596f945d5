"""Two other schedulers for containers, from PyPI, each in a container of the box's own image."""

from __future__ import annotations

import importlib.metadata
import io
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Skip

NEIGHBOURS = ("cronstable", "yacron")
INSTALL_S = 180


def start_neighbour(bench: Bench, name: str, image: str, minutes: str, jobs: int) -> Any:
    """Install the newest release, and start it with so many jobs `true`. Raises Skip if it cannot be had."""
    site = _installed(bench, name)
    container = bench.container(
        name,
        image,
        ["python3", "-m", name, "-c", "/jobs.yaml"],
        init=True,
        environment={"PYTHONPATH": "/site"},
    )
    container.put_archive("/", _archive(site, _config(minutes, jobs)))
    container.start()
    return container


def _installed(bench: Bench, name: str) -> Path:
    """A folder with the package and all that it needs."""
    site = bench.root / name
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), name]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        raise Skip(f"{name} was not installed in {INSTALL_S} s") from None
    if done.returncode:
        raise Skip(f"{name} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    versions = {found.name: found.version for found in importlib.metadata.distributions(path=[str(site)])}
    bench.say(f"{name} {versions[name]}")
    return site


def _config(minutes: str, jobs: int) -> str:
    """Both read the same YAML, and only its block form."""
    job = "  - name: job-{}\n    command: 'true'\n    shell: /bin/sh\n    schedule: '{} * * * *'\n"
    return "jobs:\n" + "".join(job.format(number, minutes) for number in range(jobs))


def _archive(site: Path, config: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(site, "site", filter=_root)
        info = tarfile.TarInfo("jobs.yaml")
        info.size = len(config)
        archive.addfile(info, io.BytesIO(config.encode()))
    return buffer.getvalue()


def _root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    return info


def all_started(bench: Bench, image: str, minutes: Sequence[str], jobs: int) -> dict[str, Any]:
    """Name -> container of each neighbour that could be had, with the minutes of its jobs."""
    started = {}
    for name, its_minutes in zip(NEIGHBOURS, minutes, strict=True):
        try:
            started[name] = start_neighbour(bench, name, image, its_minutes, jobs)
        except Skip as reason:
            bench.say(f"{name} is skipped: {reason}")
    return started
