"""What holds a job back, and when it starts next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cronbox.config import BoxConfig, BoxSection
from cronbox.model.crontab import parse_crontab
from cronbox.model.fields import parse_schedule
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.window import Once, Recurring, Window
from cronbox.ops.holds import held, in_force, next_start
from cronbox.store import Pause

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_job(times: str = "*/15 * * * *", *, paused: bool = False) -> Job:
    """A job `load`."""
    crontab = parse_crontab(f"# cronbox: name=load\n{times} root x\n".encode(), file="jobs")
    return jobs_of([crontab], box="etl", defaults=Policy(paused=paused))[0]


def a_box(*windows: Window, timezone: str = "UTC") -> BoxConfig:
    return BoxConfig(Path("/"), "etl", BoxSection(timezone=timezone), Policy(), windows)


def a_pause(job: str | None = None, *, until: datetime | None = None) -> Pause:
    return Pause("etl", job, since=NOW - HOUR, until=until, why="moving", by="ann")


def test_a_job_starts_next_in_the_first_minute_of_its_schedule() -> None:
    assert next_start(a_job(), a_box(), [], after=NOW) == NOW.replace(minute=15)


def test_a_job_that_only_starts_with_its_box_has_no_next_start() -> None:
    assert next_start(a_job("@reboot"), a_box(), [], after=NOW) is None


def test_a_pause_with_an_end_moves_the_next_start_behind_it() -> None:
    pauses = [a_pause(until=NOW + HOUR), a_pause("load", until=NOW + 3 * HOUR)]
    hold = held(a_job(), a_box(), pauses, at=NOW)
    assert hold is not None
    assert (hold.why, hold.until, hold.by) == ("paused: moving", NOW + 3 * HOUR, "ann")
    assert next_start(a_job(), a_box(), pauses, after=NOW) == NOW.replace(hour=15)


@pytest.mark.parametrize(
    "pauses", [[a_pause()], [a_pause("load")], [a_pause("load", until=NOW + HOUR), a_pause()]]
)
def test_a_pause_without_an_end_leaves_no_next_start(pauses: list[Pause]) -> None:
    assert held(a_job(), a_box(), pauses, at=NOW) is not None
    assert next_start(a_job(), a_box(), pauses, after=NOW) is None


def test_a_job_whose_crontab_pauses_it_has_no_next_start() -> None:
    assert next_start(a_job(paused=True), a_box(), [], after=NOW) is None


def test_the_pause_of_another_job_holds_nothing_back() -> None:
    assert held(a_job(), a_box(), [a_pause("report")], at=NOW) is None


def test_a_pause_whose_end_has_passed_is_not_in_force() -> None:
    over, still = a_pause(until=NOW), a_pause("load", until=NOW + HOUR)
    assert in_force([over, still], NOW) == [still]


def test_a_window_moves_the_next_start_to_its_end() -> None:
    box = a_box(Window("backup", Once(NOW, NOW + HOUR)))
    hold = held(a_job(), box, [], at=NOW + HOUR / 2)
    assert hold is not None and (hold.why, hold.until) == ("maintenance: backup", NOW + HOUR)
    assert next_start(a_job(), box, [], after=NOW) == NOW + HOUR


def test_a_window_that_recurs_goes_by_the_clock_of_its_box() -> None:
    nightly = Window("backup", Recurring(parse_schedule("0 2 * * *"), 1800.0), jobs=("etl/load",))
    box = a_box(nightly, timezone="Europe/Berlin")
    at_two = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert held(a_job(), box, [], at=at_two) is not None
    assert held(a_job(), box, [], at=at_two + HOUR / 2) is None
    assert held(a_job(), box, [], at=at_two - timedelta(minutes=1)) is None


@pytest.mark.parametrize(
    ("jobs", "holds"), [((), True), (("etl",), True), (("etl/load",), True), (("web", "etl/tidy"), False)]
)
def test_a_window_holds_the_jobs_it_names(jobs: tuple[str, ...], holds: bool) -> None:
    box = a_box(Window("backup", Once(NOW, NOW + HOUR), jobs=jobs))
    assert (held(a_job(), box, [], at=NOW) is not None) is holds


@pytest.mark.parametrize(
    ("jobs", "table"),
    [
        ((), None),
        (("etl",), None),
        (("etl/load", "etl/tidy", "web"), ("load", "tidy")),
        (("etl/a", "etl"), None),
    ],
)
def test_a_box_gets_the_windows_that_are_about_it(jobs: tuple[str, ...], table: object) -> None:
    row = Window("backup", Once(NOW, NOW + HOUR), jobs=jobs).as_table("etl")
    assert row is not None and row["jobs"] == table


def test_a_box_does_not_get_the_windows_of_others() -> None:
    assert Window("backup", Once(NOW, NOW + HOUR), jobs=("web",)).as_table("etl") is None


def test_a_schedule_that_is_held_back_for_ever_is_answered() -> None:
    always = Window("closed", Recurring(parse_schedule("0 * * * *"), 3600.0))
    assert next_start(a_job(), a_box(always), [], after=NOW) is None
