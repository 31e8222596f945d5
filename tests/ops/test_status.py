from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.crontab import parse_crontab
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.ops.status import FOR_GOOD, held_back, in_force, next_start
from cronbox.store import Pause

NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("UTC")


def a_job(times: str = "*/15 * * * *", *, paused: bool = False) -> Job:
    """A job `load`."""
    crontab = parse_crontab(f"# cronbox: name=load\n{times} root x\n".encode(), file="jobs")
    return jobs_of([crontab], box="etl", defaults=Policy(paused=paused))[0]


def a_pause(job: str | None = None, *, until: datetime | None = None) -> Pause:
    return Pause("etl", job, since=NOW - HOUR, until=until)


def test_a_job_starts_next_in_the_first_minute_of_its_schedule() -> None:
    assert next_start(a_job(), ZONE, [], after=NOW) == NOW.replace(minute=15)


def test_a_job_that_only_starts_with_its_box_has_no_next_start() -> None:
    assert next_start(a_job("@reboot"), ZONE, [], after=NOW) is None


def test_a_pause_with_an_end_moves_the_next_start_behind_it() -> None:
    pauses = [a_pause(until=NOW + HOUR), a_pause("load", until=NOW + 3 * HOUR)]
    assert held_back(a_job(), pauses) == NOW + 3 * HOUR
    assert next_start(a_job(), ZONE, pauses, after=NOW) == NOW.replace(hour=15, minute=15)


@pytest.mark.parametrize(
    "pauses", [[a_pause()], [a_pause("load")], [a_pause("load", until=NOW + HOUR), a_pause()]]
)
def test_a_pause_without_an_end_leaves_no_next_start(pauses: list[Pause]) -> None:
    assert held_back(a_job(), pauses) is FOR_GOOD
    assert next_start(a_job(), ZONE, pauses, after=NOW) is None


def test_a_job_whose_crontab_pauses_it_has_no_next_start() -> None:
    assert next_start(a_job(paused=True), ZONE, [], after=NOW) is None


def test_the_pause_of_another_job_holds_nothing_back() -> None:
    assert held_back(a_job(), [a_pause("report")]) is None


def test_a_pause_whose_end_has_passed_is_not_in_force() -> None:
    over, still = a_pause(until=NOW), a_pause("load", until=NOW + HOUR)
    assert in_force([over, still], NOW) == [still]
