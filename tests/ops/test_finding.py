"""A look that hangs, or fails, is a finding."""

from __future__ import annotations

import threading
import time

from cronbox.errors import EngineError
from cronbox.ops.finding import Finding, Level, guarded


def test_a_look_that_hangs_is_left_behind_and_told():
    never = threading.Event()

    def hang() -> list[Finding]:
        never.wait(30)
        return []

    begun = time.monotonic()
    (found,) = guarded("inside", hang, box="etl", patience=0.1)
    never.set()
    assert time.monotonic() - begun < 10
    assert (found.level, found.message, found.box) == (Level.FAIL, "no answer within 0.1 s", "etl")


def test_a_look_that_fails_is_told_with_its_advice():
    def fail() -> list[Finding]:
        raise EngineError("no", hint="do this")

    assert guarded("image", fail) == [Finding("image", Level.FAIL, "no", "do this")]
