from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cronbox.agent.fifo import Bad, Command, Due, Fifo, Message, Tick, parse


@pytest.fixture
def fifo(tmp_path: Path) -> Fifo:
    return Fifo(str(tmp_path / "trigger"))


def write(fifo: Fifo, data: bytes) -> list[Message]:
    os.write(fifo.fd, data)
    return fifo.read()


def test_cron_names_the_jobs_that_are_due(fifo: Fifo) -> None:
    assert write(fifo, b"load-orders load-items\n") == [Due(("load-orders", "load-items"))]


def test_a_tick_carries_the_digest(fifo: Fifo) -> None:
    assert write(fifo, b"@tick 5f1c\n") == [Tick("5f1c")]


def test_a_command_is_a_json_object(fifo: Fifo) -> None:
    assert write(fifo, b'@do {"do": "kill", "run": "beef"}\n') == [Command("kill", {"run": "beef"})]


def test_several_writes_come_in_their_order(fifo: Fifo) -> None:
    assert write(fifo, b"a\nb c\n\n@tick x\n") == [Due(("a",)), Due(("b", "c")), Tick("x")]


def test_nothing_written_is_nothing_read(fifo: Fifo) -> None:
    assert fifo.read() == []


def test_half_a_line_never_mixes_with_the_next_one(fifo: Fifo) -> None:
    assert write(fifo, b"load-or") == [Bad("load-or", "no newline ends it")]
    assert write(fifo, b"@tick x\n") == [Tick("x")]


def test_a_line_that_a_full_read_cuts_is_put_together_again(fifo: Fifo) -> None:
    lines = b"".join(b"job-%05d\n" % n for n in range(6600))
    assert len(lines) > 65536
    os.write(fifo.fd, lines[:65536])
    messages = fifo.read() + write(fifo, lines[65536:])
    assert messages == [Due((f"job-{n:05d}",)) for n in range(6600)]


@pytest.mark.parametrize(
    "line",
    [
        b"@do",
        b"@do []",
        b'@do {"run": 1}',
        b'@do {"do": 7}',
        b"@do {",
        b"@nothing",
        b"@do \xff\xfe",
        b"x" * 4096,
    ],
)
def test_garbage_is_named_and_harms_nothing(line: bytes) -> None:
    assert isinstance(parse(line, "/nowhere"), Bad)


def test_a_long_command_stands_in_a_file_that_is_removed(fifo: Fifo, tmp_path: Path) -> None:
    file = tmp_path / "command-1"
    file.write_text(json.dumps({"do": "pause", "why": "w" * 9000}))
    assert write(fifo, f"@file {file}\n".encode()) == [Command("pause", {"why": "w" * 9000})]
    assert not file.exists()


def test_a_file_elsewhere_is_not_read(fifo: Fifo, tmp_path: Path) -> None:
    elsewhere = tmp_path / "sub"
    elsewhere.mkdir()
    (elsewhere / "command").write_text('{"do": "drain"}')
    (message,) = write(fifo, f"@file {elsewhere}/command\n".encode())
    assert isinstance(message, Bad)


def test_a_link_is_not_followed(fifo: Fifo, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (message,) = write(fifo, f"@file {tmp_path}/link\n".encode())
    assert isinstance(message, Bad)


def test_only_root_can_write_to_it(fifo: Fifo, tmp_path: Path) -> None:
    assert (tmp_path / "trigger").stat().st_mode & 0o777 == 0o600
