"""What is known of a box beside its runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cronbox.model.expected import Meant
from cronbox.store import BoxState, Pause, Store, boxes, pauses, schedules
from cronbox.store.schedules import BUNDLES_KEPT

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_box_nobody_wrote_of_is_wanted_and_has_no_more_to_say(store: Store):
    assert store.box_state("etl") == BoxState("etl", wanted=True)
    assert store.box_states() == {}


def test_an_install_ends_problem_and_drift(store: Store):
    store.set_wanted("etl", False, at=NOON)
    store.set_problem("etl", "bad line")
    store.set_drift("etl", "somebody edited it", NOON)
    assert store.box_state("etl").drifted
    store.set_installed("etl", "d1")
    assert store.box_states() == {"etl": BoxState("etl", wanted=False, installed="d1", down_at=NOON)}


def test_a_transaction_that_fails_leaves_nothing(store: Store):
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        boxes.change(tx, "etl", {"problem": "x"})
        raise ZeroDivisionError
    assert store.box_states() == {}


def test_a_pause_replaces_the_one_before_it(store: Store):
    with store.transaction() as tx:
        pauses.put(tx, Pause("etl", None, NOON, why="first"))
        pauses.put(tx, Pause("etl", None, NOON, why="second"))
        pauses.put(tx, Pause("etl", "load", NOON))
        pauses.put(tx, Pause("web", None, NOON))
    assert [(p.job, p.why) for p in store.pauses("etl")] == [(None, "second"), ("load", None)]
    assert len(store.pauses()) == 3
    with store.transaction() as tx:
        pauses.lift(tx, "etl", None)
    assert [p.job for p in store.pauses("etl")] == ["load"]


def test_what_a_box_has_loaded_is_not_forgotten_for_crontabs_that_it_never_took(store: Store):
    load = Meant("load", "* * * * *", 60.0)
    for second, digest in enumerate(["old", "had", *(f"never-{number}" for number in range(BUNDLES_KEPT))]):
        store.know_bundle("etl", digest, [load], zone="UTC", at=NOON + timedelta(seconds=second))
        with store.transaction() as tx:
            if digest == "had":
                boxes.change(tx, "etl", {"loaded": digest})
    with store.reading() as tx:
        known = {digest for digest in ("old", "had", "never-0") if schedules.meaning(tx, "etl", digest)}
    assert known == {"had", "never-0"}
