from __future__ import annotations

from pathlib import Path

import pytest

from cronbox.cli import invoke
from tests.cli.desk import Desk

SPRING = ("--from", "2026-03-28", "--until", "2026-03-31", "--zone", "Europe/Berlin")
AUTUMN = ("--from", "2026-10-25", "--until", "2026-10-26", "--zone", "Europe/Berlin")


@pytest.fixture
def jobs(desk: Desk) -> Path:
    path = desk.root / "jobs"
    path.write_text("# cronbox: name=night\n30 2 * * * root x\n# cronbox: name=half\n*/30 2 * * * root x\n")
    return path


def test_a_start_that_summer_time_moved_says_so(desk: Desk, jobs: Path) -> None:
    lines = desk("next", "jobs", *SPRING).out.splitlines()
    moved = [line for line in lines if "the clock skips 02:30" in line]
    assert len(moved) == 1
    assert "Sun 2026-03-29 03:00 CEST" in moved[0]
    remarks = [start.get("remark") for start in desk("next", "jobs", *SPRING, "--json").json]
    assert remarks.count("gap") == 1


def test_an_hour_that_the_clock_repeats_is_told(desk: Desk, jobs: Path) -> None:
    out = desk("next", "jobs", *AUTUMN).out
    assert out.count("for the second time") == 2


def test_there_is_no_column_for_remarks_where_there_is_none(desk: Desk, jobs: Path) -> None:
    assert "REMARK" not in desk("next", "jobs", "--from", "2026-06-01").out


def test_a_calendar_has_an_event_for_each_start(desk: Desk, jobs: Path) -> None:
    out = desk("next", "jobs", *SPRING, "--ical").out
    starts = desk("next", "jobs", *SPRING, "--json").json
    assert out.count("BEGIN:VEVENT") == len(starts)
    assert "DTSTART:20260329T010000Z" in out
    assert "DESCRIPTION:the clock skips 02:30" in out


def test_the_heatmap_shows_a_day_by_hours_within_80_columns(desk: Desk, jobs: Path) -> None:
    jobs.write_text("0 6 * * * root x\n" * 4 + "*/15 * * * * root y\n")
    lines = desk("next", "jobs", "--heatmap", "--from", "2026-06-01T12:00", "--zone", "UTC").out.splitlines()
    rows = [line for line in lines if line[2:6] == ":00 "]
    assert len(rows) == 24
    assert [int(row.split()[-1]) for row in rows] == [8 if hour == 6 else 4 for hour in range(24)]
    assert rows[6].startswith("06:00 ████")
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "100 starts; most in one minute: 5, at 06:00"


def test_the_heatmap_of_an_empty_day_is_empty(desk: Desk) -> None:
    assert "Nothing is due that day." in desk("next", "--heatmap").out


def test_forms_exclude_each_other(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "jobs").write_text("* * * * * root x\n")
    assert invoke(["next", "jobs", "--ical", "--json"]) == 2
    assert invoke(["next", "jobs", "--heatmap", "-n", "3"]) == 2


def test_a_file_that_cron_would_refuse_has_nothing_to_come_and_is_named(desk: Desk, jobs: Path) -> None:
    (desk.root / "bad").write_text("# cronbox: name=never\n* * * * * root x\n61 * * * * root y\n")
    answer = desk("next", "bad", "jobs", "--json")
    assert {start["job"] for start in answer.json} == {"half", "night"}
    assert answer.err.startswith("bad: cron would load none of it (bad minute); ")


def test_jobs_of_one_minute_stand_in_the_order_of_their_names(desk: Desk) -> None:
    names = ["c", "a", "b"]
    times = ["0 2 * * *", "0 */2 * * *", "0 2 * * *"]
    entries = [f"# cronbox: name={name}\n{time} root x\n" for name, time in zip(names, times, strict=True)]
    (desk.root / "jobs").write_text("".join(entries))
    starts = desk("next", "jobs", "--from", "2026-03-02T02:00Z", "-n", "3", "--json").json
    assert [start["job"] for start in starts] == ["a", "b", "c"]


def test_a_window_that_ends_before_it_begins_is_empty_and_says_so(desk: Desk, jobs: Path) -> None:
    answer = desk("next", "jobs", "--from", "2026-03-02", "--until", "2026-03-01", "--json")
    assert (answer.code, answer.json) == (0, [])
    assert answer.err.startswith("--until is not after --from")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_listing_that_would_never_end_is_refused(desk: Desk) -> None:
    (desk.root / "jobs").write_text("* * * * * root x\n")
    answer = desk("next", "jobs", "--until", "8000-01-01")
    assert (answer.code, answer.out) == (2, "")
    assert desk("next", "jobs", "-n", "1000000000").code == 2


@pytest.mark.timeout(30)
def test_thousands_of_jobs_of_every_minute_are_drawn_in_no_time(desk: Desk) -> None:
    (desk.root / "jobs").write_text("* * * * * root x\n" * 9000)
    assert "9000, at 00:00" in desk("next", "jobs", "--heatmap").out
