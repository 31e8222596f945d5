"""The plan: which action turns what is seen into what is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cronbox.model.box import BoxSpec, SeenBox
from cronbox.model.plan import Create, Drain, Remove, Replace, Start, plan

SPEC = BoxSpec(project="shop", box="etl", image="sha256:1", release=1, timezone="UTC")


def a_box(state: str = "running", digest: str = SPEC.digest, box: str = "etl") -> SeenBox:
    return SeenBox(box=box, container="c1", state=state, digest=digest, release=1, image="sha256:1")  # type: ignore[arg-type]


def test_an_equal_box_needs_nothing() -> None:
    assert list(plan({"etl": SPEC}, [a_box()])) == []


def test_a_missing_box_is_created() -> None:
    assert list(plan({"etl": SPEC}, [])) == [Create(SPEC)]


@pytest.mark.parametrize("state", ["created", "exited"])
def test_an_equal_box_that_stands_still_is_started(state: str) -> None:
    assert list(plan({"etl": SPEC}, [a_box(state)])) == [Start(SPEC, a_box(state))]


def test_an_equal_box_that_the_engine_has_half_removed_is_replaced() -> None:
    assert list(plan({"etl": SPEC}, [a_box("dead")])) == [Replace(SPEC, a_box("dead"))]


@pytest.mark.parametrize("state", ["paused", "restarting", "removing"])
def test_a_box_that_somebody_holds_is_left_alone(state: str) -> None:
    assert list(plan({"etl": SPEC}, [a_box(state)])) == []


def test_a_different_box_is_drained_before_it_is_replaced() -> None:
    old = a_box(digest="old")
    assert list(plan({"etl": SPEC}, [old])) == [Drain(Replace(SPEC, old))]


def test_a_different_box_that_the_engine_has_paused_waits_until_it_goes_on() -> None:
    assert list(plan({"etl": SPEC}, [a_box("paused", digest="old")])) == []


def test_a_different_box_that_stands_still_is_replaced_at_once() -> None:
    old = a_box("exited", digest="old")
    assert list(plan({"etl": SPEC}, [old])) == [Replace(SPEC, old)]


def test_a_drained_box_goes_even_if_the_config_has_come_back_to_it() -> None:
    assert list(plan({"etl": SPEC}, [a_box()], draining=frozenset({"etl"}))) == [
        Drain(Replace(SPEC, a_box()))
    ]


def test_only_a_box_that_is_said_to_be_unwanted_is_removed() -> None:
    stray = a_box(box="old")
    assert list(plan({}, [stray])) == []
    assert list(plan({}, [stray], unwanted=frozenset({"old"}))) == [Drain(Remove("old", stray))]


def test_whatever_changes_in_the_spec_changes_its_digest() -> None:
    changes = {
        "timezone": "Europe/Berlin",
        "memory": 1,
        "env": (("A", "1"),),
        "image": "sha256:2",
        "stop_grace": 5,
    }
    digests = {replace(SPEC, **{key: value}).digest for key, value in changes.items()}  # type: ignore[arg-type]
    assert len(digests | {SPEC.digest}) == len(changes) + 1
