from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest

from cronbox.agent.loop import Loop

Pipe = tuple[int, int]


def fail(error: Exception) -> None:
    raise error


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    made = [os.pipe() for _ in range(2)]
    yield made
    for pipe in made:
        for fd in pipe:
            os.close(fd)


def test_calls_come_in_the_order_in_which_there_was_something_to_read(pipes: list[Pipe]) -> None:
    loop, calls = Loop(fail), list[int]()

    def read(number: int) -> None:
        calls.append(number)
        os.read(pipes[number][0], 100)
        loop.again(pipes[number][0])

    for number, (end, _) in enumerate(pipes):
        loop.watch(end, partial(read, number), once=True)
    for order in ((0, 1), (1, 0), (0, 1)):
        for number in order:
            os.write(pipes[number][1], b"x")
        loop.turn()
        assert calls[-2:] == list(order)


def test_what_was_left_unread_is_called_for_again(pipes: list[Pipe]) -> None:
    loop, read = Loop(fail), list[bytes]()
    end, other = pipes[0]

    def read_one() -> None:
        read.append(os.read(end, 1))
        loop.again(end)

    loop.watch(end, read_one, once=True)
    os.write(other, b"ab")
    loop.turn()
    loop.turn()
    assert read == [b"a", b"b"]


def test_what_is_not_asked_for_again_has_no_more_calls(pipes: list[Pipe]) -> None:
    loop, calls = Loop(fail), list[int]()
    end, other = pipes[0]
    loop.watch(end, lambda: calls.append(1), once=True)
    os.write(other, b"x")
    for _ in range(3):
        loop.turn(0.0)
    assert calls == [1]
