from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.desk import Desk

RUN_FIELDS = {
    *("id", "box", "job", "trigger", "status", "reason", "scheduled_for", "queued_at", "started_at"),
    *("finished_at", "duration_s", "attempt", "exit_code", "signal", "cpu_s", "max_rss_bytes"),
    *("output_bytes", "dropped_bytes", "release"),
}


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"status": "succeeded", "exit_code": 0}, 0),
        ({"status": "failed", "exit_code": 7}, 7),
        ({"status": "succeeded", "exit_code": 3}, 3),
        ({"status": "killed", "signal": 9}, 137),
        ({"status": "timed_out", "signal": 15}, 124),
        ({"status": "failed", "reason": "no user nobody2"}, 1),
    ],
)
def test_run_with_wait_ends_as_the_job_ended(desk: Desk, end: dict[str, object], code: int) -> None:
    desk.up()
    desk.agent.ends["load"] = end
    answer = desk("run", "etl/load", "--wait")
    assert answer.code == code
    assert len(answer.out.split()) == 1


def test_run_prints_the_id_of_a_run_that_the_history_knows(desk: Desk) -> None:
    desk.up()
    id = desk("run", "etl/load", "--json").json["id"]
    [run] = desk("runs", "etl/load", "--json").json
    assert run.keys() >= RUN_FIELDS
    assert (run["id"], run["box"], run["job"], run["trigger"], run["status"]) == (
        id,
        "etl",
        "load",
        "manual",
        "running",
    )


def test_run_with_follow_prints_what_the_job_prints_to_the_stream_it_was_printed_to(desk: Desk) -> None:
    desk.up()
    desk.agent.prints["load"] = [[0.1, "out", "40 rows"], [0.2, "err", "slow"], [0.3, "out", "no end", False]]
    desk.agent.ends["load"] = {"exit_code": 0}
    answer = desk("run", "etl/load", "--follow")
    assert answer.out.splitlines()[1:] == ["40 rows", "no end"]
    assert not answer.out.endswith("\n")
    assert answer.err == "slow\n"


def test_run_of_a_job_that_is_written_but_not_installed_says_so(desk: Desk) -> None:
    desk.up()
    desk.crontab("etl/more", "# cronbox: name=extra\n* * * * * root x\n")
    answer = desk("run", "etl/extra")
    assert answer.code == 4
    assert "cronbox sync etl" in answer.err


def test_a_run_is_found_by_the_beginning_of_its_id(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 7}
    id = desk("run", "etl/load", "--json").json["id"]
    shown = desk("show", id[:6])
    assert shown.code == 0
    assert id in shown.out
    assert "failed (exit code 7)" in shown.out
    assert desk("show", id[:6], "--json").json.keys() >= RUN_FIELDS


def test_kill_ends_a_running_job_and_says_so(desk: Desk) -> None:
    desk.up()
    id = desk("run", "etl/load", "--json").json["id"]
    answer = desk("kill", id[:8])
    assert (answer.code, answer.out) == (0, f"{id} was killed\n")
    assert desk("show", id, "--json").json["status"] == "killed"
    again = desk("kill", id)
    assert again.code == 1
    assert "has ended already: killed" in again.err


def test_runs_are_filtered_and_come_newest_first(desk: Desk) -> None:
    desk.configure('[defaults]\ngrace = "1d"\n')
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    desk.agent.ends["report"] = {"status": "failed", "exit_code": 1}
    desk("run", "etl/load")
    desk.pass_time(timedelta(hours=3))
    desk("run", "etl/report")
    jobs = [run["job"] for run in desk("runs", "--json").json]
    assert jobs == ["report", "load"]
    assert [run["job"] for run in desk("runs", "--status", "failed", "--json").json] == ["report"]
    assert [run["job"] for run in desk("runs", "--since", "1h", "--json").json] == ["report"]
    assert [run["job"] for run in desk("runs", "--until", "2026-03-02T13:00:00Z", "--json").json] == ["load"]
    assert [run["job"] for run in desk("runs", "-n", "1", "--json").json] == ["report"]
    assert desk("runs", "--trigger", "cron", "--json").json == []


def test_history_answers_without_an_engine(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    id = desk("run", "etl/load", "--json").json["id"]
    desk.engine.go_away()
    runs = desk("runs", "--json")
    assert (runs.code, [run["id"] for run in runs.json]) == (0, [id])
    assert "not up to date" in runs.err
    assert desk("show", id).code == 0
    assert desk("jobs", "--json").code == 0
    assert desk("logs", id).code == 0


def test_a_job_that_is_in_no_crontab_any_more_keeps_its_history(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    desk("run", "etl/load")
    desk.crontab("etl/orders", "* * * * * root other\n")
    assert len(desk("runs", "etl/load", "--json").json) == 1
    assert desk("runs", "etl/never").code == 4


def test_an_empty_history_is_told_kindly(desk: Desk) -> None:
    desk.up()
    assert desk("runs").out == "Nothing has run yet.\n"
    assert desk("runs", "--json").json == []
    assert desk("runs", "--status", "failed").out == "No runs to show.\n"


def test_a_box_that_died_leaves_no_run_open(desk: Desk) -> None:
    desk.up()
    desk("run", "etl/load")
    desk.engine.crash(desk.box.seen.container)
    [run] = desk("runs", "--json").json
    assert (run["status"], run["reason"]) == ("lost", "the box was killed by signal 9")


def test_every_table_fits_80_columns(desk: Desk) -> None:
    name = "a-job-with-a-name-that-goes-on-for-quite-a-while"
    desk.crontab("warehouse-of-the-north/orders", f"# cronbox: name={name}\n0,15,30 6,18 1 * 1 root x\n")
    desk("up")
    desk.agent.ends[name] = {
        "status": "failed",
        "exit_code": 1,
        "reason": "a reason that needs many words to tell",
    }
    desk("run", f"warehouse-of-the-north/{name}")
    for command in ("ps", "jobs", "runs", "next"):
        answer = desk(command)
        assert answer.code == 0
        assert max(map(len, answer.out.splitlines())) <= 80, answer.out
        assert not any(line != line.rstrip() for line in answer.out.splitlines())
    assert {"failed", "manual", "now", "1.50s"} <= set(desk("runs").out.split())


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_what_the_box_does_not_know_cannot_be_paused(desk: Desk, command: str) -> None:
    desk.up()
    assert desk(command, "etl/never").code == 4
    assert desk(command, "never").code == 4


def test_a_pause_shows_until_it_is_resumed(desk: Desk) -> None:
    desk.up()
    assert desk("pause", "etl/load", "--for", "2h", "--why", "the database moves").code == 0
    jobs = {job["job"]: job for job in desk("jobs", "--json").json}
    assert (jobs["etl/load"]["paused"], jobs["etl/load"]["next"]) == (True, "2026-03-02T14:00:00Z")
    assert jobs["etl/report"]["paused"] is False
    assert desk("resume", "etl/load").code == 0
    assert desk("jobs", "--json").json[0]["paused"] is False
    desk("pause", "etl")
    [box] = desk("ps", "--json").json
    assert (box["state"], box["paused"], box["next_due"]) == ("paused", True, None)


def test_a_pause_says_why_until_when_and_who_wherever_it_matters(desk: Desk) -> None:
    desk.up()
    desk("pause", "etl/load", "--until", "2026-03-02T14:00:00Z", "--why", "the database moves")
    [hold] = desk("ps", "--json").json[0]["holds"]
    assert (hold["job"], hold["why"], hold["until"]) == (
        "load",
        "paused: the database moves",
        "2026-03-02T14:00:00Z",
    )
    assert "@" in hold["by"]
    assert "etl/load: paused: the database moves, until" in desk("ps").out
    assert "paused: the" in desk("jobs").out
    starts = desk("next", "etl", "--from", "2026-03-02T13:40:00Z", "-n", "3", "--json").json
    assert [start.get("held") for start in starts] == ["paused: the database moves", None, None]
    assert "skipped, paused: the" in desk("next", "etl", "--from", "2026-03-02T13:40:00Z").out


@pytest.mark.parametrize(
    "options", [["--for", "1h", "--until", "2026-03-03"], ["--until", "2026-03-01"], ["--until", "soon"]]
)
def test_a_pause_without_a_sensible_end_is_refused(desk: Desk, options: list[str]) -> None:
    desk.up()
    assert desk("pause", "etl/load", *options).code == 2
    assert desk("ps", "--json").json[0]["holds"] == []


def test_a_maintenance_window_shows_in_ps_jobs_and_next(desk: Desk) -> None:
    desk.configure(
        '[[maintenance]]\nwhy = "backup"\njobs = ["etl/load"]\nschedule = "0 12 * * *"\nlength = "30m"\n'
    )
    desk.up()
    [hold] = desk("ps", "--json").json[0]["holds"]
    assert (hold["job"], hold["why"], hold["until"]) == (
        "load",
        "maintenance: backup",
        "2026-03-02T12:30:00Z",
    )
    load, report = desk("jobs", "--json").json
    assert (load["next"], load["held"]["why"], report["held"]) == (
        "2026-03-02T12:30:00Z",
        "maintenance: backup",
        None,
    )
    held = [
        start.get("held")
        for start in desk("next", "etl", "--from", "2026-03-02T12:00:00Z", "-n", "3", "--json").json
    ]
    assert held == ["maintenance: backup", "maintenance: backup", None]


def test_jobs_tell_schedule_words_next_and_last(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    id = desk("run", "etl/load", "--json").json["id"]
    load, report = desk("jobs", "etl", "--json").json
    assert load.keys() >= {"job", "schedule", "words", "next", "last", "paused", "user", "source"}
    assert (load["schedule"], load["words"]) == ("*/15 * * * *", "Every 15 minutes")
    assert (load["last"]["id"], load["source"]) == (id, "crontabs/etl/orders:2")
    assert (report["next"], report["last"]) == ("2026-03-09T06:00:00Z", None)


def test_a_running_daemon_is_left_to_take_in_the_logs(desk: Desk, tmp_path: Path) -> None:
    from cronbox.ops.lock import daemon_lock

    desk.up()
    with daemon_lock(tmp_path / ".cronbox", now=desk.now):
        desk("run", "etl/load")
        assert desk("runs", "--json").json == []
    assert len(desk("runs", "--json").json) == 1
