"""What jobs say about themselves, on the terminal and for Prometheus."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cronbox.cli.results import sparkline
from tests.cli.desk import CRONTAB, Desk


def says(desk: Desk, **result: str) -> str:
    """A run of `load` that says this."""
    desk.agent.ends["load"] = {"exit_code": 0, "result": result} if result else {"exit_code": 0}
    id = desk("run", "etl/load").out.strip()
    desk.pass_time(timedelta(minutes=1))
    return id


def test_a_result_is_shown_with_its_run(desk: Desk) -> None:
    desk.up()
    id = says(desk, rows="1200", message="all\x1b[2J well")
    assert desk("show", id, "--json").json["result"] == {"rows": "1200", "message": "all\x1b[2J well"}
    lines = desk("show", id).out.splitlines()
    assert lines[-2:] == ["result     rows=1200", "result     message=all\\x1b[2J well"]


def test_results_are_listed_newest_first_and_runs_that_said_nothing_left_out(desk: Desk) -> None:
    desk.up()
    first, _, last = says(desk, rows="5", bad="0"), says(desk), says(desk, rows="7")
    told = desk("results", "etl/load", "--json").json
    assert [(of["run"], of["result"]) for of in told] == [
        (last, {"rows": "7"}),
        (first, {"rows": "5", "bad": "0"}),
    ]
    assert [of["run"] for of in desk("results", "etl/load", "-n", "1", "--json").json] == [last]
    [only] = desk("results", "etl/load", "--key", "bad", "--json").json
    assert (only["run"], only["result"]) == (first, {"bad": "0"})


def test_each_number_has_its_last_value_and_its_course(desk: Desk) -> None:
    desk.up()
    for rows in ("1", "8", "4"):
        says(desk, rows=rows, message="fine " * 50)
    out = desk("results", "etl/load").out
    rows, message = out.splitlines()[1:]
    assert rows.split() == ["rows", "4", "1m", "ago", "1", "8", "▁█▄"]
    assert message.startswith("message")
    assert max(map(len, out.splitlines())) <= 80


def test_one_key_is_shown_run_by_run_with_bars(desk: Desk) -> None:
    desk.up()
    for rows in ("10", "-5", "none", "0"):
        says(desk, rows=rows)
    lines = desk("results", "etl/load", "--key", "rows").out.splitlines()
    assert [line.count("█") for line in lines[1:]] == [0, 0, 15, 30]
    assert max(map(len, lines)) <= 80


def test_a_job_that_never_said_anything_is_told_kindly_and_an_unknown_one_is_not_found(desk: Desk) -> None:
    desk.up()
    says(desk)
    assert desk("results", "etl/load").out == "No run of etl/load has said anything yet.\n"
    assert desk("results", "etl/load", "--json").json == []
    assert desk("results", "etl/never").code == 4


@pytest.mark.parametrize(
    ("numbers", "drawn"),
    [([], ""), ([3, 3], "▄▄"), ([0, 7], "▁█"), ([-1e308, 0, 1e308], "▁▅█"), ([1, 2, 3], "▁▅█")],
)
def test_a_sparkline_goes_from_the_least_to_the_most(numbers: list[float], drawn: str) -> None:
    assert sparkline(numbers) == drawn


def figures(desk: Desk) -> dict[tuple[str, ...], float]:
    """(metric, values of its labels in the order of their names) -> value."""
    families = text_string_to_metric_families(desk("metrics").out)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_tell_of_each_job_how_it_ended_last_and_what_it_said(desk: Desk) -> None:
    desk.up()
    ended = desk.now
    says(desk, rows="1200", message="fine")
    found = figures(desk)
    assert found["cronbox_job_last_status", "etl", "load", "succeeded"] == 1
    assert found["cronbox_job_last_status", "etl", "load", "failed"] == 0
    assert found["cronbox_job_last_duration_seconds", "etl", "load"] == 1.5
    assert found["cronbox_job_last_finish_timestamp_seconds", "etl", "load"] == ended.timestamp()
    assert found["cronbox_job_runs_last_day", "etl", "load", "succeeded"] == 1
    assert found["cronbox_job_result", "etl", "load", "rows"] == 1200
    assert ("cronbox_job_result", "etl", "load", "message") not in found


def test_a_run_that_goes_on_or_was_skipped_does_not_hide_how_the_last_one_ended(desk: Desk) -> None:
    desk.up()
    says(desk, rows="1")
    del desk.agent.ends["load"]
    desk("run", "etl/load")
    desk.agent.draining = True
    desk("run", "etl/load")
    found = figures(desk)
    assert found["cronbox_job_last_status", "etl", "load", "succeeded"] == 1
    assert found["cronbox_job_last_duration_seconds", "etl", "load"] == 1.5
    assert found["cronbox_job_runs_last_day", "etl", "load", "running"] == 1
    assert found["cronbox_job_runs_last_day", "etl", "load", "skipped"] == 1


def test_metrics_leave_out_what_is_long_ago_and_jobs_that_are_no_more(desk: Desk) -> None:
    desk.up()
    says(desk, rows="1")
    desk.pass_time(timedelta(days=2))
    found = figures(desk)
    assert ("cronbox_job_runs_last_day", "etl", "load", "succeeded") not in found
    assert found["cronbox_job_result", "etl", "load", "rows"] == 1
    desk.crontab("etl/orders", CRONTAB.replace("name=load", "name=other"))
    assert not [key for key in figures(desk) if "load" in key and key[0] != "cronbox_condition"]
