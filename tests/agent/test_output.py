from __future__ import annotations

import pytest

from cronbox.agent.output import BATCH_BYTES, PIECE_BYTES, Line, Output


def drained(output: Output) -> list[Line]:
    lines: list[Line] = []
    while output.waiting:
        lines += output.take()
    return lines


def printed(output: Output) -> list[Line]:
    output.finish(9.0)
    return drained(output)


def test_each_line_has_its_stream_and_time() -> None:
    output = Output(1000)
    output.feed("out", b"one\n", 0.5)
    output.feed("err", b"two\n", 0.75)
    assert printed(output) == [[0.5, "out", "one"], [0.75, "err", "two"]]


def test_a_line_that_comes_in_parts_is_one_line() -> None:
    output = Output(1000)
    for part in (b"o", b"n", b"e\ntw", b"o\n"):
        output.feed("out", part, 1.0)
    assert printed(output) == [[1.0, "out", "one"], [1.0, "out", "two"]]


def test_a_last_line_without_newline_is_marked() -> None:
    output = Output(1000)
    output.feed("out", b"bye", 1.0)
    assert printed(output) == [[9.0, "out", "bye", False]]


def test_a_huge_line_is_cut_into_marked_pieces() -> None:
    output = Output(1_000_000)
    output.feed("out", b"x" * (2 * PIECE_BYTES + 5) + b"\n", 1.0)
    lines = printed(output)
    assert [len(str(line[2])) for line in lines] == [PIECE_BYTES, PIECE_BYTES, 5]
    assert [line[3:] for line in lines] == [[False], [False], []]


def test_bytes_that_are_not_utf8_survive() -> None:
    output = Output(1000)
    output.feed("out", b"caf\xe9 \x1b[31m\n", 1.0)
    ((_, _, text, *_),) = printed(output)
    assert str(text).encode("utf-8", "surrogateescape") == b"caf\xe9 \x1b[31m"


def test_within_the_limit_nothing_is_lost_though_the_tail_was_held_back() -> None:
    output = Output(1000)
    body = b"".join(b"line %d\n" % n for n in range(110))
    assert 500 < len(body) < 1000
    for at in range(0, len(body), 7):
        output.feed("out", body[at : at + 7], 1.0)
    assert "".join(f"{line[2]}\n" for line in printed(output)).encode() == body
    assert output.dropped == 0


def test_over_the_limit_head_and_tail_stay_and_a_note_says_what_is_gone() -> None:
    output = Output(100)
    body = b"".join(b"%04d\n" % n for n in range(200))
    output.feed("out", body, 1.0)
    lines = printed(output)
    texts = [str(line[2]) for line in lines]
    note = next(line for line in lines if line[1] == "note")
    assert texts[0] == "0000" and texts[-1] == "0199"
    assert note[2] == "900 bytes dropped here: the limit is 100 bytes"
    assert (output.total, output.dropped) == (1000, 900)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_tiny_limit_drops_nearly_everything_and_says_so(limit: int) -> None:
    output = Output(limit)
    output.feed("out", b"x" * 1000, 1.0)
    printed(output)
    assert output.dropped == 1000 - limit


def test_a_batch_of_many_short_lines_stays_small() -> None:
    output = Output(10_000_000)
    output.feed("out", b"\n" * 200_000, 1.0)
    batches = []
    while output.waiting:
        batches.append(output.take())
    assert sum(map(len, batches)) == 200_000
    assert max(map(len, batches)) <= BATCH_BYTES // 16
