"""What becomes of boxes that end, and of the runs in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cronbox.errors import NoEngine
from cronbox.model.run import Status
from cronbox.ops.catchup import catch_up
from cronbox.ops.deaths import close_ended
from tests.ops.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """With one run in its box, which is on record and goes on."""
    house = House(tmp_path)
    house.up()
    house.agent.start(house.box, "slow", "load")
    house.rows()
    yield house
    house.close()


def test_a_box_that_the_engine_has_half_removed_comes_back(house: House) -> None:
    wreck = house.box.seen.container
    house.engine.half_remove(wreck)
    house.up()
    assert house.box.seen.running and house.box.seen.container != wreck


def test_a_box_that_the_engine_cannot_start_is_made_anew_and_its_log_read(house: House) -> None:
    house.agent.finish(house.box, "slow")
    jammed = house.box.seen.container
    house.kill()
    house.engine.jam(jammed)
    house.up()
    assert house.box.seen.running and house.box.seen.container != jammed
    assert house.store.run("slow").status is Status.SUCCEEDED


def test_a_box_that_the_engine_has_half_removed_can_be_put_down(house: House) -> None:
    house.engine.half_remove(house.box.seen.container)
    house.down()
    assert not house.engine.containers


def test_the_runs_of_a_box_that_is_half_removed_are_lost_at_once(house: House) -> None:
    house.engine.half_remove(house.box.seen.container)
    close_ended(house.site, house.engine.boxes("house"))
    assert house.store.run("slow").status is Status.LOST


def test_what_a_half_removed_box_had_still_logged_is_read_when_it_is_back(house: House) -> None:
    house.agent.finish(house.box, "slow")
    house.engine.half_remove(house.box.seen.container)
    close_ended(house.site, house.engine.boxes("house"))
    house.up()
    house.rows()
    assert house.store.run("slow").status is Status.SUCCEEDED


def test_the_slots_of_a_box_that_is_half_removed_are_told_as_missed(house: House) -> None:
    house.engine.half_remove(house.box.seen.container)
    house.pass_minutes(8)
    assert house.missed() == ["12:05 the box was down"]


def test_commands_without_a_daemon_answer_beside_a_half_removed_box(house: House) -> None:
    house.engine.half_remove(house.box.seen.container)
    catch_up(house.site)
    assert house.store.run("slow").status is Status.LOST


def test_a_box_whose_log_cannot_be_read_holds_up_no_other(house: House) -> None:
    house.kill()
    unreadable = replace(house.box.seen, container="unknown")
    close_ended(house.site, [unreadable, house.box.seen])
    assert house.store.run("slow").status is Status.LOST


def test_an_engine_that_is_away_closes_nothing(house: House) -> None:
    seen = replace(house.box.seen, state="exited")
    house.engine.down = True
    with pytest.raises(NoEngine):
        close_ended(house.site, [seen])
    assert house.store.run("slow").status is Status.RUNNING
