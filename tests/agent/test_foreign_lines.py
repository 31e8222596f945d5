"""Somebody else writes into the agent's log, cuts it, or takes it away."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from cronbox.agent.follow import Reader, bounds
from cronbox.agent.history import History
from cronbox.agent.log import Log
from cronbox.agent.segments import LONGEST_LINE
from cronbox.agent.state import State, load_state, save_state
from tests.agent.test_log import a_log, fill

T = b'"t":"2026-11-23T21:00:00.000000Z"'


def read_all(reader: Reader) -> list[dict[str, Any]]:
    blocks = b"".join(iter(reader.read, b""))
    return [json.loads(line) for line in blocks.splitlines()]


def put(folder: Path, data: bytes) -> None:
    with (folder / "cron.log").open("ab") as file:
        file.write(data)


@pytest.mark.parametrize(
    "line",
    [
        b'{"seq":' + b"9" * 5000 + b',"type":"tick"}\n',
        b'{"seq":9223372036854775806,"type":"tick"}\n',
        b'{"seq":1,"type":"tick"}\n',
        b'{"seq":2}\n{"seq":1,"type":"tick"}\n{"seq":2,"type":"tick"}\n',
        b"x" * 3_000_000 + b"\n",
        b'{"seq":"4","type":"tick"}\n' * 3,
    ],
)
def test_no_foreign_line_at_the_end_turns_the_numbers_back_or_takes_an_event(tmp_path: Path, line: bytes):
    fill(a_log(tmp_path), 3)
    put(tmp_path, line)
    fill(a_log(tmp_path), 1)
    assert [event["seq"] for event in read_all(Reader(str(tmp_path), 1)) if "t" in event] == [2, 3, 4]
    assert bounds(str(tmp_path)) == (1, 4)


def test_an_event_longer_than_a_block_is_the_last_one_after_a_restart(tmp_path: Path):
    fill(a_log(tmp_path), 2)
    fill(a_log(tmp_path), 1, "\x01" * 500_000)
    assert a_log(tmp_path).seq == 3
    assert len(read_all(Reader(str(tmp_path), 0))) == 3


def test_numbers_go_on_above_those_of_foreign_lines_and_the_log_says_so(tmp_path: Path):
    log = a_log(tmp_path)
    fill(log, 2)
    put(tmp_path, b'{"seq":900,%b,"type":"tick"}\n{"seq":901,%b,"type":"tick"}\n{"half' % (T, T))
    fill(log, 2)
    told = [(event["seq"], event["type"]) for event in read_all(Reader(str(tmp_path), 0))]
    own = [(902, "cron_message"), (903, "log_touched"), (904, "cron_message")]
    assert told == [(1, "cron_message"), (2, "cron_message"), (900, "tick"), (901, "tick"), *own]
    assert log.seq == 904


def test_a_log_that_is_cut_or_removed_goes_on_and_says_so(tmp_path: Path):
    log = a_log(tmp_path)
    fill(log, 3)
    reader = Reader(str(tmp_path), 0)
    assert len(read_all(reader)) == 3
    os.truncate(tmp_path / "cron.log", 0)
    assert reader.read() == b""
    fill(log, 1)
    (tmp_path / "cron.log").unlink()
    fill(log, 1)
    told = [event.get("reason") for event in read_all(Reader(str(tmp_path), 0))]
    assert [event["seq"] for event in read_all(reader)] == [4, 5, 6, 7]
    assert told == [None, "cron.log was removed"] and log.seq == 7


def test_a_reader_goes_on_when_the_file_was_emptied(tmp_path: Path):
    log = a_log(tmp_path)
    fill(log, 30)
    reader = Reader(str(tmp_path), 0)
    assert len(read_all(reader)) == 30
    os.truncate(tmp_path / "cron.log", 0)
    assert reader.read() == b""
    fill(log, 1)
    assert [event["seq"] for event in read_all(reader)] == [31, 32]


def test_a_reader_passes_a_huge_line_in_little_memory(tmp_path: Path):
    log = a_log(tmp_path, segment=1 << 30, total=1 << 31)
    fill(log, 1)
    put(tmp_path, b'{"seq":2,"text":"')
    os.truncate(tmp_path / "cron.log", 8 * LONGEST_LINE)
    put(tmp_path, b'"}\n')
    fill(log, 1)
    tracemalloc.start()
    try:
        assert [event["seq"] for event in read_all(Reader(str(tmp_path), 0))] == [1, 3, 4]
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST_LINE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("after", range(1, 9))
def test_a_foreign_line_at_the_beginning_of_a_file_hides_no_event_before_it(tmp_path: Path, after: int):
    log = Log(str(tmp_path), segment=300, total=10_000)
    fill(log, 2)
    while (tmp_path / "cron.log").stat().st_size > 100:
        fill(log, 1)
    active = (tmp_path / "cron.log").read_bytes()
    (tmp_path / "cron.log").write_bytes(b'{"seq":1,"type":"tick"}\n' + active)
    assert [event["seq"] for event in read_all(Reader(str(tmp_path), after))] == list(
        range(after + 1, log.seq + 1)
    )


@pytest.mark.parametrize(
    "event",
    [
        b'"type":"started"',
        b'"type":"started","run":["r"],"job":"j","trigger":"cron","scheduled_for":null,"occurrence":0',
        b'"type":"started","run":"r","job":"j","trigger":"whim","scheduled_for":null,"occurrence":0',
        b'"type":"queued","run":"r","job":"j","trigger":"cron","scheduled_for":"soon","occurrence":0',
        b'"type":"queued","run":"r","job":"j","trigger":"cron","scheduled_for":null,"occurrence":{}',
        b'"type":"queued","run":"r","job":"j","trigger":"cron","scheduled_for":null,"occurrence":0,"due":"x"',
        b'"type":"finished","run":{}',
        b'"type":"paused"',
        b'"type":["boot"]',
        b'"type":"boot","log_id":7',
        b'"type":"x","y":' + b"[" * 50_000 + b"]" * 50_000,
    ],
)
def test_a_boot_survives_an_event_that_no_agent_wrote(tmp_path: Path, event: bytes):
    fill(a_log(tmp_path), 1)
    put(tmp_path, b'{"seq":2,%b,%b}\n' % (T, event))
    history = load_state(str(tmp_path / "state.json"), str(tmp_path)).history
    assert (history.open, history.pauses, history.jobs) == ({}, {}, {})


def test_numbers_go_on_behind_the_snapshot_where_the_end_of_the_log_is_gone(tmp_path: Path):
    fill(a_log(tmp_path), 9)
    save_state(str(tmp_path / "state.json"), State("cafe", History()), 9)
    os.truncate(tmp_path / "cron.log", 300)
    found = load_state(str(tmp_path / "state.json"), str(tmp_path))
    assert found.seq == 9
    assert Log(str(tmp_path), segment=10_000, total=10_000, after=found.seq).seq == 9


def test_a_repeated_line_in_a_new_file_turns_no_number_back(tmp_path: Path):
    log = Log(str(tmp_path), segment=300, total=10_000)
    fill(log, 9)
    (tmp_path / "cron.log").write_bytes(b'{"seq":2,%b,"type":"tick"}\n' % T)
    newest = max(int(path.stem[5:]) for path in tmp_path.glob("cron-*.log"))
    assert bounds(str(tmp_path))[1] >= newest
    assert a_log(tmp_path).seq >= newest
