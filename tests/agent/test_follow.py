from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from cronbox.agent.follow import Reader, bounds, follow
from cronbox.agent.history import History
from cronbox.agent.log import Log
from cronbox.agent.paths import Paths
from cronbox.agent.state import State, save_state


def a_log(paths: Paths, *, segment: int = 300) -> Log:
    return Log(paths.log_dir, segment=segment, total=10_000_000)


def write(log: Log, count: int) -> None:
    for _ in range(count):
        log.append("cron_message", {"text": "x"})
        log.flush()


def read_all(reader: Reader) -> list[int]:
    blocks = b""
    while block := reader.read():
        blocks += block
    return [json.loads(line)["seq"] for line in blocks.splitlines()]


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 5, 9, 10])
def test_every_event_after_the_given_one_comes_once_across_segments(paths: Paths, after: int) -> None:
    write(a_log(paths), 10)
    assert read_all(Reader(paths.log_dir, after)) == list(range(after + 1, 11))


def test_what_is_written_later_comes_across_rotations(paths: Paths) -> None:
    log = a_log(paths)
    write(log, 1)
    reader = Reader(paths.log_dir, 0)
    seen = read_all(reader)
    for _ in range(20):
        write(log, 7)
        seen += read_all(reader)
    assert seen == list(range(1, 142))


def test_a_reader_beyond_the_end_waits_for_its_event(paths: Paths) -> None:
    log = a_log(paths)
    write(log, 3)
    reader = Reader(paths.log_dir, 3)
    assert read_all(reader) == []
    write(log, 4)
    assert read_all(reader) == [4, 5, 6, 7]


def test_where_segments_are_gone_it_begins_with_the_oldest_there_is(paths: Paths) -> None:
    write(a_log(paths), 12)
    oldest = min(Path(paths.log_dir).glob("cron-*.log"))
    gone = len(oldest.read_bytes().splitlines())
    oldest.unlink()
    assert read_all(Reader(paths.log_dir, 0)) == list(range(gone + 1, 13))


def test_half_a_line_is_kept_until_it_is_whole(paths: Paths) -> None:
    log = a_log(paths)
    write(log, 1)
    reader = Reader(paths.log_dir, 1)
    line = b'{"seq":2,"t":"2026-11-23T21:00:00.000000Z","type":"tick","digest":"d"}\n'
    with Path(log.active).open("ab", buffering=0) as file:
        file.write(line[:20])
        assert reader.read() == b""
        file.write(line[20:])
    assert reader.read() == line


def test_a_writer_that_never_rests_is_followed_without_a_gap(paths: Paths) -> None:
    log = a_log(paths, segment=2000)
    write(log, 1)
    writer = threading.Thread(target=write, args=(log, 3000))
    writer.start()
    reader, seen = Reader(paths.log_dir, 0), []
    while writer.is_alive():
        seen += read_all(reader)
    writer.join()
    assert seen + read_all(reader) == list(range(1, 3002))


def test_the_bounds_are_the_oldest_and_the_newest_event(paths: Paths) -> None:
    log = a_log(paths)
    assert bounds(paths.log_dir) == (None, 0)
    write(log, 10)
    assert bounds(paths.log_dir) == (1, 10)


def test_it_prints_a_head_and_all_that_was_there_when_its_stdin_ended(paths: Paths) -> None:
    write(a_log(paths), 5)
    save_state(paths.state, State("cafe", History()), 0)
    ended, stdin = os.pipe()
    os.close(stdin)
    read, stdout = os.pipe()
    follow(paths, 3, stdin=ended, stdout=stdout)
    os.close(stdout)
    with os.fdopen(read, "rb") as out:
        head, *lines = [json.loads(line) for line in out]
    assert head == {"log_id": "cafe", "first_seq": 1, "last_seq": 5}
    assert [line["seq"] for line in lines] == [4, 5]
    os.close(ended)
