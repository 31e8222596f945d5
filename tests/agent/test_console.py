from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from cronbox.agent.console import BACKLOG_BYTES, Console

START_NS = 1_795_428_000_000_000_000
Read = Callable[[], str]


@pytest.fixture
def pipe() -> Iterator[tuple[Console, Read]]:
    """A console, and what can be read of it so far."""
    end, other = os.pipe()
    os.set_blocking(end, False)
    yield Console(other), lambda: os.read(end, 65536).decode("utf-8", "surrogateescape")
    os.close(end)
    os.close(other)


def test_each_line_has_its_own_time_and_stream(pipe: tuple[Console, Read]) -> None:
    console, read = pipe
    lines: list[list[object]] = [
        [0.0, "out", "a"],
        [0.0, "out", "b"],
        [0.0, "err", "c"],
        [1.5, "err", "\udc80"],
    ]
    console.output("feedbeef", "load", lines, START_NS)
    console.flush()
    assert read().splitlines() == [
        "2026-11-23T10:00:00.000Z load[feed] out | a",
        "2026-11-23T10:00:00.000Z load[feed] out | b",
        "2026-11-23T10:00:00.000Z load[feed] err | c",
        "2026-11-23T10:00:01.500Z load[feed] err | \udc80",
    ]


def test_what_nobody_reads_is_dropped_and_counted_by_lines(pipe: tuple[Console, Read]) -> None:
    console, read = pipe
    console.output("feedbeef", "load", [[0.0, "out", "x" * BACKLOG_BYTES]], START_NS)
    console.output("feedbeef", "load", [[0.0, "out", "y"], [0.0, "out", "y"], [0.1, "out", "y"]], START_NS)
    shown = ""
    while "dropped" not in shown:
        console.flush()
        shown += read()
    assert "| y" not in shown
    assert "3 lines dropped here: nobody read them" in shown
