"""Whatever happens to a box: every slot that was expected has one row, and no other slot has one."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.engine import EngineEvent
from cronbox.errors import NoEngine
from cronbox.model.fields import parse_schedule
from cronbox.model.run import Status
from cronbox.ops.deaths import note_pause
from tests.ops.house import MINUTE, House

pytestmark = pytest.mark.slow

TIMES = ("* * * * *", "*/2 * * * *", "1-59/3 * * * *", "0 1 * * *")
ACTS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 6)),
    st.tuples(st.just("unwatched"), st.integers(1, 6)),
    st.tuples(st.just("blind"), st.integers(1, 6)),
    st.tuples(st.just("edit"), st.dictionaries(st.sampled_from("abc"), st.sampled_from(TIMES), min_size=1)),
    st.tuples(
        st.sampled_from(
            ("kill", "remove", "stop", "up", "down", "cron dies", "cron returns", "sleep", "freeze")
        ),
        st.none(),
    ),
)


@dataclass
class Truth:
    """Which slots somebody was promised, told without the program's own means: minute by minute."""

    promised: dict[str, set[datetime]] = field(default_factory=dict)
    in_force: dict[str, str] = field(default_factory=dict)

    def pass_minute(self, minute: datetime) -> None:
        for job, times in self.in_force.items():
            schedule = parse_schedule(times)
            if minute.minute in schedule.minutes and minute.hour in schedule.hours:
                self.promised.setdefault(job, set()).add(minute)


@given(st.lists(ACTS, max_size=14))
@settings(deadline=None, max_examples=60)
def test_every_promised_slot_has_one_row_and_no_slot_is_invented(acts: list[tuple[str, object]]):
    with tempfile.TemporaryDirectory() as folder:
        house, truth = House(Path(folder)), Truth()
        house.up()
        truth.in_force = dict(house.jobs)
        is_up = True
        for act, value in acts:
            is_up = _do(house, truth, act, value, is_up)
        _thaw(house)
        _do(house, truth, "up", None, is_up)  # A log is read at last, whatever became of its container.
        _pass(house, truth, 3, looking=True)
        for job in {*"abc", "load", *truth.promised}:
            _hold(house, truth, job)
        house.close()


def _do(house: House, truth: Truth, act: str, value: object, is_up: bool) -> bool:
    """One act upon the house, as far as it can be -> whether the box is wanted up."""
    if act not in ("pass", "unwatched", "blind", "sleep"):
        _thaw(house)
    runs = bool(house.engine.containers) and house.box.seen.running
    match act, value:
        case (("pass" | "unwatched"), int(minutes)):
            _pass(house, truth, minutes, looking=act == "pass")
        case "blind", int(minutes):
            for _ in range(minutes):
                _pass(house, truth, 1, looking=False)
                _look_in_vain(house)
        case "freeze", _ if runs:
            house.box.seen = replace(house.box.seen, state="paused")
            note_pause(house.site, EngineEvent(house.now, "etl", house.box.seen.container, "pause"))
        case "edit", dict(jobs):
            if runs:
                house.sync(**jobs)
                truth.in_force = dict(jobs)
        case "kill", _ if runs:
            house.kill()
        case "remove", _ if house.engine.containers:
            house.engine.remove(house.box.seen.container)
        case "stop", _ if runs:
            house.stop()
        case "down", _ if is_up:
            house.down()
            truth.in_force = {}
            return False
        case "up", _:
            house.up()
            house.cron_lives = True
            truth.in_force = dict(house.jobs)
            return True
        case "cron dies", _ if runs and house.cron_lives:
            house.cron_dies()
        case "cron returns", _ if runs and not house.cron_lives:
            house.cron_returns()
        case "sleep", _:
            for _ in range(7):
                house.set_clock(house.now + MINUTE)
                truth.pass_minute(house.now.replace(second=0))
    return is_up


def _thaw(house: House) -> None:
    if house.engine.containers and house.box.seen.frozen:
        house.box.seen = replace(house.box.seen, state="running")
        note_pause(house.site, EngineEvent(house.now, "etl", house.box.seen.container, "unpause"))


def _look_in_vain(house: House) -> None:
    house.engine.down = True
    with pytest.raises(NoEngine):
        house.look()
    house.engine.down = False


def _pass(house: House, truth: Truth, minutes: int, *, looking: bool) -> None:
    for _ in range(minutes):
        truth.pass_minute(house.now.replace(second=0, microsecond=0) + MINUTE)
        house.pass_minutes(1, looking=looking)


def _hold(house: House, truth: Truth, job: str) -> None:
    rows = house.rows(job)
    promised = truth.promised.get(job, set())
    due = {slot for slot in promised if slot <= house.now - timedelta(minutes=1)}
    assert {slot for slot in promised if slot in rows} >= due
    assert {slot for slot, runs in rows.items() if runs[0].status is Status.MISSED} <= promised
    assert all(len(runs) == 1 for runs in rows.values())
