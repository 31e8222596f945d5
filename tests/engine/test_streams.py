"""The engine's framing of stdout and stderr, cut at any place."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from cronbox.engine.docker_streams import Demultiplexer

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=8)


@given(FRAMES, st.integers(1, 50))
def test_frames_come_out_whole_however_the_bytes_arrive(frames: list[tuple[int, bytes]], size: int) -> None:
    wire = b"".join(struct.pack(">BxxxL", stream, len(content)) + content for stream, content in frames)
    demultiplexer = Demultiplexer()
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert [frame for piece in pieces for frame in demultiplexer.feed(piece)] == frames


def test_half_a_frame_is_kept_until_the_rest_has_come() -> None:
    demultiplexer = Demultiplexer()
    assert list(demultiplexer.feed(b"\x01\x00\x00\x00\x00\x00\x00\x02a")) == []
    assert list(demultiplexer.feed(b"b")) == [(1, b"ab")]
