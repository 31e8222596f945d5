"""A hundred megabytes that one run printed are read without being held."""

from __future__ import annotations

import os
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cronbox.model.run import Run, Status, Trigger
from cronbox.store import Store, outputs, runs
from cronbox.store.outputs import OutputBatch
from tests.project import CRONBOX

pytestmark = pytest.mark.slow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINES, LENGTH = 100, 1_000
LARGE = 1_000
"""Batches of LINES lines: a hundred megabytes."""
BOUND_KIB = 16 * 1024


def a_run_that_printed(store: Store, id: str, batches: int) -> None:
    noise = random.Random(1)
    with store.transaction() as tx:
        runs.add(tx, [Run(id, "etl", "load", Trigger.CRON, Status.SUCCEEDED, started_at=NOON)])
    for _ in range(batches):
        lines = [[0.1, "out", noise.randbytes(LENGTH // 2).hex()] for _ in range(LINES)]
        with store.transaction() as tx:
            outputs.add(tx, "etl", [OutputBatch(id, "load", NOON, lines)])


def logs(root: Path, *argv: str) -> tuple[int, int]:
    """How many bytes `cronbox logs` prints, and how much memory it took at most, in KiB."""
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere"}
    process = subprocess.Popen(
        [*CRONBOX, "logs", *argv],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdout is not None
    with process.stdout as printed:
        size = sum(len(chunk) for chunk in iter(lambda: printed.read(1 << 16), b""))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return size, usage.ru_maxrss


def test_the_logs_of_a_run_that_printed_a_hundred_megabytes_take_little_memory(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    store = Store.open(f"sqlite:///{tmp_path}/.cronbox/cronbox.db")
    store.upgrade()
    a_run_that_printed(store, "small", 1)
    a_run_that_printed(store, "large", LARGE)
    store.close()
    size, small = logs(tmp_path, "small")
    assert size == LINES * (LENGTH + 1)
    size, large = logs(tmp_path, "large")
    assert size == LARGE * LINES * (LENGTH + 1)
    assert large - small < BOUND_KIB
    _, document = logs(tmp_path, "large", "--json")
    assert document - small < BOUND_KIB
    size, last = logs(tmp_path, "large", "-n", "10")
    assert size == 10 * (LENGTH + 1) and last - small < BOUND_KIB
