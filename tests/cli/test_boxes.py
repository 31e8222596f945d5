from __future__ import annotations

from datetime import timedelta

from tests.cli.desk import Desk

BOX_FIELDS = {
    *("box", "state", "release", "cron", "loaded", "drift", "running", "last_failure", "next_due", "lag_s"),
    *("problem", "paused", "holds", "failed_job"),
}


def test_up_tells_what_it_does_and_the_box_is_running(desk: Desk) -> None:
    desk.crontab("etl/orders")
    answer = desk("up")
    assert (answer.code, answer.err) == (0, "")
    assert "etl: started on release 1" in answer.out.splitlines()
    assert desk.engine.boxes("desk")[0].running


def test_up_without_any_box_says_how_to_make_one(desk: Desk) -> None:
    answer = desk("up")
    assert answer.code == 0
    assert "crontabs/NAME/" in answer.out


def test_ps_shows_every_field_of_a_running_box(desk: Desk) -> None:
    desk.up()
    [box] = desk("ps", "--json").json
    assert box.keys() >= BOX_FIELDS
    assert (box["box"], box["state"], box["release"]) == ("etl", "running", 1)
    assert (box["cron"], box["loaded"], box["drift"], box["running"]) == (True, True, None, 0)
    assert (box["next_due"], box["last_failure"], box["lag_s"]) == ("2026-03-02T12:15:00Z", None, 0)


def test_ps_names_the_job_that_failed_last_within_80_columns(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 7}
    desk("run", "etl/load", "--wait")
    [box] = desk("ps", "--json").json
    assert box["failed_job"] == "load"
    title, row = desk("ps").out.splitlines()[:2]
    assert row[title.index("LAST FAILURE") :] == "now load"
    assert len(row) <= 80


def test_ps_of_an_empty_project_is_an_empty_array(desk: Desk) -> None:
    assert desk("ps", "--json").json == []
    assert desk("ps").err == ""
    assert "No boxes yet" in desk("ps").out


def test_ps_without_an_engine_ends_with_3(desk: Desk) -> None:
    desk.engine.go_away()
    answer = desk("ps")
    assert answer.code == 3
    assert answer.err.splitlines()[-1].startswith("cronbox: ")


def test_a_box_without_ticks_for_90_seconds_is_degraded(desk: Desk) -> None:
    desk.up()
    desk.pass_time(timedelta(seconds=91))
    [box] = desk("ps", "--json").json
    assert (box["state"], box["loaded"]) == ("degraded", False)
    assert "90 s" in desk("ps").out


def test_a_box_that_was_put_down_is_stopped_and_one_that_vanished_is_missing(desk: Desk) -> None:
    desk.up()
    desk.engine.remove(desk.box.seen.container)
    assert desk("ps", "--json").json[0]["state"] == "missing"
    desk("down")
    assert desk("ps", "--json").json[0]["state"] == "stopped"


def test_a_box_in_no_config_is_an_orphan(desk: Desk) -> None:
    desk.up()
    (desk.root / "crontabs/etl/orders").unlink()
    (desk.root / "crontabs/etl").rmdir()
    assert desk("ps", "--json").json[0]["state"] == "orphan"


def test_an_edit_that_is_not_installed_is_pending_and_one_with_errors_is_refused(desk: Desk) -> None:
    desk.up()
    desk.crontab("etl/orders", "*/5 * * * * root /bin/load\n")
    assert desk("ps", "--json").json[0]["drift"] == "pending"
    desk.crontab("etl/orders", "*/5 * * * root /bin/load\n")
    [box] = desk("ps", "--json").json
    assert box["drift"] == "refused"
    assert box["loaded"] is True
    assert "crontabs/etl/orders:1:" in box["problem"]


def test_sync_of_a_crontab_with_errors_lists_each_and_ends_with_1(desk: Desk) -> None:
    desk.up()
    desk.crontab("etl/orders", "61 * * * * root a\n* 25 * * * root b\n")
    answer = desk("sync")
    assert answer.code == 1
    assert [line.split()[0].count(":") for line in answer.err.splitlines()[:2]] == [2, 2]
    assert answer.err.splitlines()[2].startswith("cronbox: ")


def test_cat_shows_what_should_be_installed_and_what_is(desk: Desk) -> None:
    desk.up()
    assert "*/15 * * * * root echo load >/run/cronbox/trigger" in desk("cat", "etl").out
    assert desk("cat", "etl", "--installed").out == desk("cat", "etl").out


def test_exec_ends_with_the_exit_code_of_the_command(desk: Desk) -> None:
    desk.up()
    assert desk("exec", "etl", "--", "false").code == 1
    assert desk("exec", "etl", "true").code == 0
    assert desk("exec", "etl", "--").code == 2


def test_exec_in_a_box_that_stands_still_says_how_to_start_it(desk: Desk) -> None:
    desk.crontab("etl/orders")
    answer = desk("exec", "etl", "true")
    assert answer.code == 1
    assert "cronbox up etl" in answer.err
