"""Conditions open and close with what really happens to a box, and are seen where people look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cronbox.errors import NoEngine
from cronbox.model.alert import Kind as Told
from cronbox.model.alert import Rule
from cronbox.model.conditions import Condition, Kind
from cronbox.model.run import Status
from cronbox.ops.conditions import TOLD_AS
from cronbox.ops.deaths import close_dead
from cronbox.ops.doctor import examine
from cronbox.ops.metrics import exposition
from cronbox.ops.status import box_statuses, job_statuses
from cronbox.store import conditions, targets
from tests.ops.house import House

pytestmark = pytest.mark.slow

OF_A_BOX = {
    Kind.BOX_DOWN,
    Kind.CRON_DEAD,
    Kind.NO_TICK,
    Kind.CRONTAB_NOT_LOADED,
    Kind.INGEST_LAGGING,
    Kind.CLOCK_SKEW,
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.up()
    made.pass_minutes(4)
    yield made
    made.close()


def test_a_sound_box_has_no_condition(house: House):
    house.pass_minutes(20)
    assert house.store.condition_history("etl") == []


def test_a_dead_box_is_down_until_it_is_back_and_its_slot_missed_until_the_next_one_runs(house: House):
    house.kill()
    house.pass_minutes(3)
    assert house.open_kinds() == {("box_down", ""), ("missed", "load")}
    house.up()
    house.pass_minutes(1)
    assert house.open_kinds() == {("missed", "load")}
    house.pass_minutes(5)
    assert house.open_kinds() == set()
    assert all(condition.until for condition in house.store.condition_history("etl"))


def test_the_runs_of_a_box_that_the_engine_has_paused_are_not_lost(house: House):
    house.agent.start(house.box, "slow", "load")
    house.pass_minutes(1)
    house.box.seen = replace(house.box.seen, state="paused")
    close_dead(house.site, house.box.seen)
    assert house.store.run("slow").status is Status.RUNNING
    house.kill()
    close_dead(house.site, house.box.seen)
    assert house.store.run("slow").status is Status.LOST


def test_the_changes_of_a_pass_are_given_once_each(house: House):
    house.kill()
    house.set_clock(house.now + timedelta(minutes=1))
    [opened] = house.look()
    assert (opened.opened, opened.condition.kind) == (True, "box_down")
    assert house.look() == []
    house.up()
    house.set_clock(house.now + timedelta(seconds=20))
    [closed] = house.look()
    assert (closed.opened, closed.condition.key) == (False, opened.condition.key)


def test_a_dead_cron_and_a_cron_without_the_crontab_have_their_conditions(house: House):
    house.cron_dies()
    house.pass_minutes(1)
    assert ("cron_dead", "") in house.open_kinds()
    house.cron_returns()
    house.pass_minutes(2)
    assert ("cron_dead", "") not in house.open_kinds()
    house.cron_has = {}
    house.pass_minutes(1)
    house.sync(load="*/3 * * * *")
    house.pass_minutes(3)
    assert ("crontab_not_loaded", "") in house.open_kinds()
    house.cron_has = None
    house.pass_minutes(2)
    assert ("crontab_not_loaded", "") not in house.open_kinds()


def test_a_box_whose_cron_says_nothing_has_no_tick(house: House):
    house.cron_lives = False
    house.pass_minutes(3)
    assert ("no_tick", "") in house.open_kinds()


def test_a_log_that_cannot_be_read_lags(house: House):
    from cronbox.engine import AGENT, ExecResult
    from tests.fakes.engine import FakeStream

    def silent(container: str, argv: object) -> FakeStream[bytes]:
        stream = FakeStream[bytes]()
        stream.feed(b"no head line\n")
        return stream

    house.engine.script([*AGENT, "follow"], ExecResult(1, b"", b"broken"))
    real, house.engine.stream = house.engine.stream, silent  # type: ignore[method-assign]
    house.pass_minutes(3)
    assert house.open_kinds() == {("ingest_lagging", "")}
    house.engine.stream = real  # type: ignore[method-assign]
    house.pass_minutes(2)
    assert house.open_kinds() == set()
    assert house.missed() == []


def test_a_clock_that_differs_is_told_and_no_more_when_it_is_right(house: House):
    house.engine.now = house.now + timedelta(seconds=9)
    house.now += timedelta(minutes=2)
    house.engine.now = house.now + timedelta(seconds=9)
    house.look()
    assert ("clock_skew", "") in house.open_kinds()
    house.pass_minutes(3)
    assert ("clock_skew", "") not in house.open_kinds()


def test_a_late_start_is_told_until_one_is_in_time(house: House):
    slot = house.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    house.cron_has = {}
    house.set_clock(slot + timedelta(seconds=90))
    house.run("load", slot)
    house.cron_has = None
    house.pass_minutes(2)
    assert ("late", "load") in house.open_kinds()
    house.pass_minutes(6)
    assert ("late", "load") not in house.open_kinds()


def test_a_run_that_takes_much_longer_than_usual_is_told_while_it_goes_on(house: House):
    house.pass_minutes(25)
    house.agent.start(house.box, "slow", "load")
    house.pass_minutes(1)
    assert house.open_kinds() == set()
    house.pass_minutes(2)
    assert house.open_kinds() == {("unusually_long", "load")}
    house.agent.finish(house.box, "slow")
    house.pass_minutes(3)
    assert house.store.run("slow").status is Status.SUCCEEDED
    assert house.open_kinds() == set()


def test_a_run_beyond_max_runtime_is_told_and_goes_on(house: House):
    (house.root / "crontabs/etl/jobs").write_text(
        "# cronbox: name=load max-runtime=2m\n0 1 * * * root /bin/load\n"
    )
    house.jobs = {"load": "0 1 * * *"}
    from cronbox.ops import boxes

    boxes.sync(house.site, (), lambda line: None)
    house.agent.start(house.box, "slow", "load")
    house.pass_minutes(5)
    assert house.open_kinds() == {("overrun", "load")}
    assert house.store.run("slow").status is Status.RUNNING


def test_a_slot_that_waits_for_its_turn_is_late_until_it_starts(house: House):
    house.cron_has = {}
    slot = house.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    house.set_clock(slot + timedelta(seconds=2))
    seat = {"run": "r1", "job": "load", "trigger": "cron", "scheduled_for": slot.isoformat(), "occurrence": 0}
    house.agent.write(house.box, "queued", **seat, attempt=1, reason="max_running=1")
    house.pass_minutes(2)
    [late] = [each for each in house.store.conditions("etl") if each.kind is Kind.LATE]
    assert late.text.endswith("waits for its turn: max_running=1")
    house.agent.write(house.box, "started", **seat, attempt=1, pid=8, user="root")
    house.agent.write(house.box, "finished", run="r1", job="load", status="succeeded", duration_s=0.1)
    house.run("load", slot + timedelta(minutes=5))
    house.pass_minutes(6)
    assert ("late", "load") not in house.open_kinds()


def told(house: House) -> list[str]:
    """The titles of what a target that wants all of it was told."""
    return [each.notice.title for each in house.store.deliveries(limit=50)[::-1]]


@pytest.fixture
def heard(house: House) -> House:
    """The house, and somebody who is told of everything that concerns the box."""
    with house.store.transaction() as tx:
        when = frozenset({Told.BOX_DOWN, Told.DEGRADED, Told.RECOVERED})
        targets.keep(tx, [Rule("ops", when=when)])
    return house


def test_a_cron_that_was_dead_has_not_recovered_by_the_death_of_its_box(heard: House):
    heard.cron_dies()
    heard.pass_minutes(1)
    heard.kill()
    heard.pass_minutes(3)
    assert told(heard) == ["etl is degraded (cron_dead)", "etl is down"]
    heard.cron_lives = True
    heard.up()
    heard.pass_minutes(2)
    assert sorted(told(heard)[2:]) == ["etl recovered from box_down", "etl recovered from cron_dead"]


def test_a_cron_that_is_started_again_has_its_time_to_tick(heard: House):
    heard.pass_minutes(2)
    heard.cron_dies()
    heard.pass_minutes(3)
    heard.cron_returns()
    heard.look()
    heard.pass_minutes(1)
    assert told(heard) == ["etl is degraded (cron_dead)", "etl recovered from cron_dead"]


def test_a_box_that_is_put_down_after_its_fall_has_not_recovered(heard: House):
    heard.kill()
    heard.pass_minutes(1)
    heard.down()
    heard.pass_minutes(1)
    assert heard.open_kinds() == set()
    assert told(heard) == ["etl is down"]


def test_nothing_has_recovered_because_no_engine_answers(heard: House):
    heard.cron_dies()
    heard.pass_minutes(1)
    heard.engine.down = True
    for _ in range(3):
        heard.set_clock(heard.now + timedelta(minutes=1))
        with pytest.raises(NoEngine):
            heard.look()
    assert told(heard) == ["etl is degraded (cron_dead)", "etl is degraded (ingest_lagging)"]
    heard.engine.down = False
    heard.look()
    assert told(heard)[2:] == ["etl recovered from ingest_lagging"]


def test_a_box_that_starts_and_dies_again_and_again_is_told_once(heard: House):
    heard.kill()
    heard.pass_minutes(1)
    for _ in range(3):
        heard.up()
        heard.set_clock(heard.now + timedelta(seconds=3))
        heard.look()
        heard.kill()
        heard.set_clock(heard.now + timedelta(seconds=3))
        heard.look()
        heard.set_clock(heard.now + timedelta(seconds=20))
        heard.look()
    assert told(heard) == ["etl is down"]


def test_a_box_that_is_gone_for_good_leaves_no_condition_open(house: House):
    with house.store.transaction() as tx:
        found = Condition("gone", "", Kind.BOX_DOWN, house.now, "the box has no container")
        conditions.settle(tx, "gone", [found], now=house.now)
    house.look()
    assert house.store.conditions("gone") == []


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_condition_is_seen_in_ps_doctor_and_metrics_and_told(house: House, kind: Kind):
    job = "" if kind in OF_A_BOX else "load"
    with house.store.transaction() as tx:
        conditions.settle(tx, "etl", [Condition("etl", job, kind, house.now, "words")], now=house.now)
    [box] = box_statuses(house.site)
    assert [each["kind"] for each in box.as_json()["conditions"]] == [kind]
    found = [finding for finding in examine(house.site) if finding.check == "condition"]
    assert len(found) == 1 and f"{kind} since" in found[0].message and found[0].hint
    assert f'cronbox_condition{{box="etl",job="{job}",kind="{kind}"}} 1.0' in exposition(house.site)
    assert (kind in TOLD_AS) == (kind is not Kind.MISSED), "a missed slot is told as a run"


def test_conditions_are_seen_in_ps_jobs_doctor_and_metrics(house: House):
    house.kill()
    house.pass_minutes(5)
    [box] = [status.as_json() for status in box_statuses(house.site)]
    assert [(each["kind"], each["job"]) for each in box["conditions"]] == [
        ("box_down", None),
        ("missed", "load"),
    ]
    [job] = [status.as_json() for status in job_statuses(house.site)]
    assert [each["kind"] for each in job["conditions"]] == ["missed"]
    found = [finding.message for finding in examine(house.site) if finding.check == "condition"]
    assert len(found) == 2 and found[1].startswith("etl/load: missed since 2026-03-02T12:05:00Z")
    assert 'cronbox_condition{box="etl",job="load",kind="missed"} 1.0' in exposition(house.site)
