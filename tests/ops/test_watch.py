"""Every slot ends in exactly one row, with the reason that fits; an edit invents and hides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cronbox.errors import NoEngine
from cronbox.model.alert import Rule
from cronbox.model.run import Status
from cronbox.ops.slots import SLOTS_AT_ONCE, judge
from cronbox.ops.watch import Watch
from cronbox.store import targets
from tests.ops.house import NOON, House

pytestmark = pytest.mark.slow

DOWN = "the box was down"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A box `etl` that is up, with a job every five minutes and a grace of one."""
    made = House(tmp_path)
    made.up()
    yield made
    made.close()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nothing_is_missed_while_everything_runs(house: House):
    house.pass_minutes(30)
    assert house.missed() == []
    assert len(house.rows()) == 6


def test_a_slot_of_a_stopped_box_is_missed_once_its_grace_is_over_and_not_before(house: House):
    house.pass_minutes(3)
    house.stop()
    house.pass_minutes(2)
    assert house.missed() == []
    house.pass_minutes(1)
    assert house.missed() == [f"12:05 {DOWN}"]


def test_people_are_told_of_missed_slots_and_of_a_box_that_is_down_and_comes_back(house: House):
    with house.store.transaction() as tx:
        targets.keep(tx, [Rule("ops")])
    house.pass_minutes(3)
    house.stop()
    house.pass_minutes(3)
    house.up()
    house.pass_minutes(6)
    told = [(each.notice.kind, each.notice.job) for each in house.store.deliveries(limit=50)[::-1]]
    assert told == [("box_down", ""), ("missed", "load"), ("recovered", ""), ("recovered", "load")]


def test_a_killed_box_misses_its_slots_until_it_is_up_again_and_no_more(house: House):
    house.pass_minutes(3)
    house.kill()
    house.pass_minutes(9)
    house.up()
    house.pass_minutes(10)
    assert house.missed() == [f"12:05 {DOWN}", f"12:10 {DOWN}"]
    assert all(len(runs) == 1 for runs in house.rows().values())


def test_a_container_that_is_gone_misses_its_slots(house: House):
    house.pass_minutes(3)
    house.engine.remove(house.box.seen.container)
    house.pass_minutes(4)
    assert house.missed() == [f"12:05 {DOWN}"]


def test_of_a_box_that_a_person_put_down_nothing_is_missed_until_it_is_up_again(house: House):
    house.pass_minutes(3)
    house.down()
    house.pass_minutes(20)
    house.up()
    house.pass_minutes(7)
    assert house.missed() == []
    house.stop()
    house.pass_minutes(6)
    assert len(house.missed()) == 1


def test_what_was_missed_before_a_box_was_put_down_is_told_afterwards(house: House):
    house.pass_minutes(3)
    house.kill()
    house.pass_minutes(3, looking=False)
    house.down()
    house.pass_minutes(3)
    assert house.missed() == [f"12:05 {DOWN}"]


def test_an_edit_of_which_the_log_tells_only_when_the_box_is_put_down_invents_nothing(house: House):
    house.pass_minutes(1)
    house.sync(other="* * * * *")
    house.pass_minutes(5, looking=False)
    house.down()
    house.pass_minutes(2)
    assert house.missed() == []
    assert len(house.rows("other")) == 5


@pytest.mark.parametrize("goes_down", [False, True])
def test_an_edit_of_which_the_log_tells_only_in_the_next_life_takes_back_what_was_called_missed(
    house: House, goes_down: bool
):
    house.pass_minutes(1)
    house.sync(other="* * * * *")
    house.pass_minutes(1, looking=False)
    house.engine.remove(house.box.seen.container)
    house.pass_minutes(5)
    assert house.missed() == [f"12:05 {DOWN}"]
    if goes_down:
        house.down()
        house.pass_minutes(10)
    house.up()
    house.pass_minutes(3)
    assert house.missed() == []
    expected = [f"12:{minute:02} {DOWN}" for minute in range(3, 8)]
    assert house.missed("other") == expected


def test_of_a_box_that_left_the_config_nothing_is_missed(house: House):
    house.pass_minutes(3)
    (house.root / "crontabs" / "etl" / "jobs").unlink()
    house.site.config.boxes.clear()
    house.engine.remove(house.box.seen.container)
    house.pass_minutes(10)
    assert house.missed() == []
    assert house.open_kinds() == set()


def test_slots_while_cron_was_dead_say_so(house: House):
    house.pass_minutes(3)
    house.cron_dies()
    house.pass_minutes(4)
    assert house.missed() == ["12:05 cron was dead"]
    house.cron_returns()
    house.pass_minutes(4)
    assert len(house.missed()) == 1


def test_slots_while_cron_kept_another_crontab_say_so(house: House):
    house.pass_minutes(3)
    house.cron_has = {}
    house.sync(load="*/2 * * * *")
    house.pass_minutes(4)
    reason = "cron had not loaded the crontab"
    assert house.missed() == [f"12:04 {reason}", f"12:06 {reason}"]


def test_slots_of_a_silent_cron_say_so(house: House):
    house.pass_minutes(3)
    house.set_clock(house.now + timedelta(minutes=8))
    house.pass_minutes(1)
    assert [text.split(":")[1][3:] for text in house.missed()] == ["cron was silent"] * 2


def test_slots_while_the_engine_paused_the_box_say_so(house: House):
    from dataclasses import replace

    from cronbox.engine import EngineEvent
    from cronbox.ops.deaths import note_pause

    house.pass_minutes(3)
    container = house.box.seen.container
    house.box.seen = replace(house.box.seen, state="paused")
    note_pause(house.site, EngineEvent(house.now, "etl", container, "pause"))
    house.pass_minutes(4)
    assert house.missed() == ["12:05 the box was paused by the engine"]
    house.box.seen = replace(house.box.seen, state="running")
    note_pause(house.site, EngineEvent(house.now, "etl", container, "unpause"))
    house.pass_minutes(3)
    assert len(house.missed()) == 1


def test_a_slot_that_ran_after_all_has_that_row_and_no_other(house: House):
    house.pass_minutes(3)
    house.cron_dies()
    house.pass_minutes(4)
    assert len(house.missed()) == 1
    run = house.run("load", utc("2026-03-02T12:05:00"))
    house.cron_returns()
    house.pass_minutes(6)
    [row] = house.rows()[utc("2026-03-02T12:05:00")]
    assert (row.id, row.status) == (run, Status.SUCCEEDED)


def test_an_edit_of_one_job_hides_no_missed_slot_of_another(house: House):
    house.sync(load="*/5 * * * *", other="0 1 * * *")
    house.pass_minutes(3)
    house.cron_dies()
    house.pass_minutes(2)
    house.sync(load="*/5 * * * *", other="0 2 * * *")
    house.pass_minutes(3)
    assert house.missed() == ["12:05 cron was dead"]


def test_a_job_that_was_removed_owes_what_was_due_before_and_nothing_after(house: House):
    house.pass_minutes(3)
    house.cron_dies()
    house.pass_minutes(3, looking=False)
    house.sync(other="0 1 * * *")
    house.pass_minutes(10)
    assert house.missed() == ["12:05 cron was dead"]


def test_new_times_ask_for_nothing_that_was_due_before_them(house: House):
    house.pass_minutes(9)
    house.cron_dies()
    house.sync(load="*/2 * * * *")
    house.pass_minutes(3)
    assert house.missed() == ["12:10 cron was dead"]
    assert [f"{slot:%H:%M}" for slot in house.rows()] == ["12:05", "12:10"]


@pytest.mark.parametrize("second", [0, 1, 2])
def test_an_edit_within_the_very_minute_holds_neither_version_to_it(house: House, second: int):
    house.pass_minutes(4)
    house.set_clock(utc("2026-03-02T12:05:00") + timedelta(seconds=second))
    house.sync(load="*/5 12 * * *")
    house.pass_minutes(3)
    assert house.missed() == []


def test_an_edit_of_another_job_within_the_very_minute_hides_nothing(house: House):
    house.pass_minutes(4)
    house.set_clock(utc("2026-03-02T12:05:01"))
    house.sync(load="*/5 * * * *", other="0 1 * * *")
    house.pass_minutes(3)
    assert [text[:21] for text in house.missed()] == ["12:05 cron was silent"]


def test_another_grace_is_in_force_without_an_install(house: House):
    from cronbox.ops.reconcile import reconcile

    house.pass_minutes(3)
    (house.root / "crontabs/etl/jobs").write_text(
        "# cronbox: name=load grace=3m\n*/5 * * * * root /bin/load\n"
    )
    installs = len(house.engine.executed)
    reconcile(house.site, house.site.config.boxes.values(), lambda line: None)
    assert not any("install" in command for _, command, _ in house.engine.executed[installs:])
    house.stop()
    house.pass_minutes(4)
    assert house.missed() == []
    house.pass_minutes(1)
    assert len(house.missed()) == 1


def test_an_absence_of_a_week_is_accounted_for_in_pieces(house: House):
    house.sync(load="* * * * *")
    house.pass_minutes(3)
    house.kill()
    house.set_clock(house.now + timedelta(days=7))
    missed, more = judge(house.store, "etl", house.box.seen, house.now)
    assert 0 < len(missed) <= SLOTS_AT_ONCE and more
    for _ in range(3):
        house.look()
    rows = house.rows()
    assert len(rows) == 7 * 24 * 60 + 3 - 1
    assert all(len(runs) == 1 for runs in rows.values())


def test_what_ran_while_no_daemon_watched_is_not_missed(house: House):
    house.pass_minutes(60, looking=False)
    house.sync(load="*/10 * * * *")
    house.pass_minutes(60, looking=False)
    house.look()
    assert house.missed() == []
    assert len(house.rows()) == 12 + 6


def test_a_zone_that_changes_begins_a_schedule_of_its_own(house: House):
    house.sync(load="0 14 * * *")
    house.agent.zone = "Europe/Berlin"
    house.stop()
    house.set_clock(house.now + timedelta(seconds=5))
    house.up()
    house.kill()
    house.set_clock(utc("2026-03-02T16:00:00"))
    house.look()
    assert house.missed() == [f"13:00 {DOWN}"]
    assert [each.zone for each in house.store.schedules("etl", "load")][-2:] == ["UTC", "Europe/Berlin"]


@pytest.mark.parametrize(
    ("morning", "times", "slots"),
    [
        ("2026-03-29T00:00:00", "30 2 * * *", ["01:00"]),
        ("2026-03-29T00:00:00", "*/30 2 * * *", []),
        ("2026-03-29T00:00:00", "0,30 2 * * *", ["01:00"]),
        ("2026-10-25T00:00:00", "30 2 * * *", ["00:30"]),
        ("2026-10-25T00:00:00", "*/30 2 * * *", ["00:00", "00:30", "01:00", "01:30"]),
    ],
)
def test_summer_time_asks_for_the_minutes_that_cron_starts(
    tmp_path: Path, morning: str, times: str, slots: list[str]
):
    house = House(tmp_path, zone="Europe/Berlin", now=utc(morning) - timedelta(minutes=10))
    house.crontab(load=times)
    house.up()
    house.kill()
    house.set_clock(utc(morning) + timedelta(hours=5))
    house.look()
    assert [text[:5] for text in house.missed()] == slots
    house.close()


def test_two_watchers_at_once_change_nothing_twice(house: House):
    house.sync(load="* * * * *")
    house.kill()
    house.set_clock(house.now + timedelta(hours=10))
    with ThreadPoolExecutor(2) as pool:
        passes = [pool.submit(Watch(house.site).look) for _ in range(2)]
        changes = [change for done in passes for change in done.result()]
    rows = house.rows()
    assert len(rows) >= 590 and all(len(runs) == 1 for runs in rows.values())
    kinds = [change.condition.key for change in changes if change.opened]
    assert len(kinds) == len(set(kinds))


def test_without_an_engine_nothing_is_called_missed(house: House):
    house.pass_minutes(3)
    house.engine.down = True
    house.set_clock(NOON + timedelta(minutes=30))
    with pytest.raises(NoEngine):
        house.look()
    house.engine.down = False
    assert house.missed() == []
    assert ("ingest_lagging", "") in house.open_kinds()


def test_a_job_on_a_schedule_that_never_comes_is_waited_for_without_end(house: House):
    house.sync(load="0 0 30 2 *")
    house.set_clock(house.now + timedelta(days=400))
    house.look()
    assert house.missed() == []
