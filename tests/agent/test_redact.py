"""What a job prints, seen through the veil: no secret, and everything else as it was."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cronbox.agent.output import PIECE_BYTES, Output
from cronbox.agent.redact import FORMER, MASK, SHORTEST, Redactor, Veil, words_of

# Few letters make texts in which secrets begin often, overlap, and hold each other.
LETTERS = st.sampled_from([b"a", b"b", b"\n", b"\xff"])
TEXTS = st.lists(LETTERS, max_size=60).map(b"".join)
SECRETS = st.lists(st.lists(LETTERS, min_size=SHORTEST, max_size=9).map(b"".join), min_size=1, max_size=4)


def a_veil(*values: bytes) -> Veil:
    veil = Veil()
    veil.learn(values)
    return veil


def shown(veil: Veil, chunks: list[bytes]) -> bytes:
    redactor = Redactor(veil)
    parts = [redactor.feed("out", chunk) for chunk in chunks]
    return b"".join([*parts, *(rest for _, rest in redactor.flush())])


def in_chunks(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[begin:end] for begin, end in pairwise(places)]


@given(SECRETS, TEXTS, st.lists(st.integers(0, 60)))
@example([b"aaaa", b"aaaab"], b"baaaa", [])
@example([b"abab", b"babba"], b"ababba", [3])
def test_no_secret_is_shown_and_all_else_is_however_it_is_cut(
    secrets: list[bytes], text: bytes, cuts: list[int]
) -> None:
    result = shown(a_veil(*secrets), in_chunks(text, cuts))
    words = sorted({word for secret in secrets for word in words_of(secret)}, key=len, reverse=True)
    assert not any(word in result for word in words)
    hidden = re.compile(b"|".join(map(re.escape, words)) or b"(?!)")
    assert result == hidden.sub(MASK, text)


@given(SECRETS, TEXTS)
def test_only_what_may_become_a_secret_is_held_back(secrets: list[bytes], text: bytes) -> None:
    veil = a_veil(*secrets)
    _, held = veil.cut(text)
    assert not held or any(word != held and word.startswith(held) for word in veil.words)


def test_streams_are_not_mixed() -> None:
    redactor = Redactor(a_veil(b"hunter22"))
    parts = [redactor.feed("out", b"hunt"), redactor.feed("err", b"er22\n"), redactor.feed("out", b"er22\n")]
    assert parts == [b"", b"er22\n", b"***\n"]


def test_each_line_of_a_value_is_hidden_and_short_ones_are_not() -> None:
    veil = a_veil(b"-----BEGIN KEY-----\nMIIEow\r\n  indented  \nabc\n")
    assert veil.hide(b"MIIEow|abc|indented|-----BEGIN KEY-----") == b"***|abc|***|***"


def test_a_text_with_surrogates_of_any_kind_is_no_trouble() -> None:
    assert a_veil(b"caf\xe9", b"hunter2").hide_text("hunter2 \ud800 caf\udce9") == "*** \ud800 ***"


def test_former_values_stay_hidden_for_a_while() -> None:
    veil = a_veil(b"first-value")
    for turn in range(FORMER):
        veil.learn([b"value-%03d" % turn])
    assert veil.hide(b"value-000 value-099") == b"*** ***"
    assert veil.hide(b"first-value") == b"***"
    veil.learn([b"one-more"])
    assert veil.hide(b"first-value") == b"first-value"


def test_a_value_that_comes_while_a_run_prints_is_hidden_from_then_on() -> None:
    veil = Veil()
    redactor = Redactor(veil)
    assert redactor.feed("out", b"fresh-word ") == b"fresh-word "
    veil.learn([b"fresh-word"])
    assert redactor.feed("out", b"fresh-word\n") == b"***\n"


def written(output: Output) -> str:
    output.finish(1.0)
    lines = []
    while output.waiting:
        lines += output.take()
    return "".join(f"{line[2]}" + ("" if line[3:] == [False] else "\n") for line in lines)


@pytest.mark.parametrize("before", range(PIECE_BYTES - 12, PIECE_BYTES + 3))
def test_a_secret_over_the_cut_of_a_long_line_is_hidden(before: int) -> None:
    output = Output(1_000_000, Redactor(a_veil(b"hunter2222")))
    output.feed("out", b"x" * before + b"hunter2222" + b"y" * 10 + b"\n", 0.0)
    assert written(output) == "x" * before + "***" + "y" * 10 + "\n"


@pytest.mark.parametrize("before", range(20, 81))
def test_a_secret_at_the_limit_is_never_shown_in_part(before: int) -> None:
    """Neither where the head ends nor where the tail begins."""
    output = Output(100, Redactor(a_veil(b"QRSTUVWXYZ")))
    output.feed("out", b"." * before + b"QRSTUVWXYZ" + b"-" * 30, 0.0)
    output.feed("out", b"-" * 30 + b"QRSTUVWXYZ" + b"_" * (100 - before), 0.0)
    assert not set("QRSTUVWXYZ") & set(written(output))
    assert output.dropped == output.total - output.limit


def test_the_begin_of_a_secret_at_the_very_end_is_no_secret() -> None:
    output = Output(1000, Redactor(a_veil(b"hunter2222")))
    output.feed("out", b"I am a hunter", 0.0)
    assert written(output) == "I am a hunter"
