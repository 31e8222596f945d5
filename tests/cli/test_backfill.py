"""Past slots of a job, run in order, and on again."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.desk import CRONTAB, Desk

SPAN = ("--from", "2026-03-02T10:00:00Z", "--to", "2026-03-02T11:00:00Z")
SLOTS = [f"2026-03-02T10:{minute}:00Z" for minute in ("00", "15", "30", "45")]


def asked_for(desk: Desk) -> list[str]:
    """The slots that the agent was asked for, in order."""
    told = [json.loads(stdin) for _, argv, stdin in desk.engine.executed if argv[-1] == "send"]
    return [command["scheduled_for"] for command in told if command["do"] == "run"]


def loaded(desk: Desk) -> Desk:
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    return desk


def test_slots_run_oldest_first_one_behind_the_other_and_stand_in_the_history(desk: Desk) -> None:
    answer = loaded(desk)("backfill", "etl/load", *SPAN)
    assert answer.code == 0
    assert asked_for(desk) == SLOTS
    assert [line.split()[-1] for line in answer.out.splitlines()] == [*["succeeded"] * 5]
    assert "4 of 4 slots succeeded" in answer.out
    runs = desk("runs", "etl/load", "--trigger", "manual", "--json").json
    assert sorted(run["scheduled_for"] for run in runs) == SLOTS
    told = [json.loads(stdin) for _, argv, stdin in desk.engine.executed if argv[-1] == "send"]
    assert all(command["patient"] for command in told)


def test_the_same_again_runs_only_what_has_not_succeeded(desk: Desk) -> None:
    box = loaded(desk).box
    desk.agent.start(box, "was", "load", "cron", SLOTS[1])
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 1}
    desk.agent.start(box, "bad", "load", "cron", SLOTS[2])
    desk.agent.ends["load"] = {"exit_code": 0}
    answer = desk("backfill", "etl/load", *SPAN)
    assert asked_for(desk) == [SLOTS[0], SLOTS[2], SLOTS[3]]
    assert "3 of 4 slots succeeded, 1 had succeeded before" in answer.out
    assert desk("backfill", "etl/load", *SPAN).code == 0
    assert len(asked_for(desk)) == 3
    assert desk("backfill", "etl/load", *SPAN, "--again").code == 0
    assert asked_for(desk)[3:] == SLOTS


def test_a_run_that_still_goes_on_is_waited_for_and_not_doubled(desk: Desk) -> None:
    box = loaded(desk).box
    del desk.agent.ends["load"]
    desk.agent.start(box, "left", "load", "manual", SLOTS[0])
    desk.agent.ends["load"] = {"exit_code": 0}
    ends = threading.Timer(0.3, desk.agent.finish, [box, "left"])
    ends.start()
    answer = desk("backfill", "etl/load", *SPAN, "--json")
    ends.join()
    assert answer.code == 0
    assert asked_for(desk) == SLOTS[1:]
    assert [(of["slot"], of["status"]) for of in answer.json] == [(slot, "succeeded") for slot in SLOTS]
    assert answer.json[0]["run"] == "left"


def test_what_failed_is_listed_and_the_rest_runs_all_the_same(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 9, "reason": "exit code 9"}
    answer = desk("backfill", "etl/load", *SPAN)
    assert answer.code == 1
    assert asked_for(desk) == SLOTS
    assert answer.err.splitlines()[0] == "4 slots did not succeed:"
    assert "Mon 2026-03-02 10:00 UTC" in answer.err and "failed: exit code 9" in answer.err


def test_a_box_that_takes_no_runs_is_asked_once(desk: Desk) -> None:
    loaded(desk).agent.draining = True
    answer = desk("backfill", "etl/load", *SPAN)
    assert answer.code == 1
    assert "etl takes no run: draining" in answer.err and "the same command goes on" in answer.err
    assert len(asked_for(desk)) == 1


def test_several_at_once_only_where_the_job_may_overlap(desk: Desk) -> None:
    loaded(desk)
    answer = desk("backfill", "etl/load", *SPAN, "--parallel", "3")
    assert answer.code == 0
    assert "one at a time" in answer.err and "overlap=skip" in answer.err


def test_no_more_than_asked_for_go_on_at_once(desk: Desk) -> None:
    desk.crontab("etl/orders", CRONTAB.replace("name=load", "name=load overlap=allow"))
    desk("up")
    desk.agent.tick(desk.box)
    desk.agent.overlapping.add("load")
    going: list[str] = []
    most: list[int] = []
    start = desk.agent.start

    def begin(box, run, *args, **given) -> None:
        start(box, run, *args, **given)
        going.append(run)
        most.append(len(going))
        if len(going) == 2 or len(most) == 4:
            threading.Timer(0.1, lambda: [desk.agent.finish(box, going.pop(0)) for _ in going[:]]).start()

    desk.agent.start = begin  # type: ignore[method-assign]
    answer = desk("backfill", "etl/load", *SPAN, "--parallel", "2")
    assert (answer.code, answer.err) == (0, "")
    assert max(most) == 2 and len(most) == 4


def test_a_terminal_gets_a_bar_and_keeps_the_lines_of_what_failed(desk: Desk) -> None:
    loaded(desk)
    drawn = desk.on_terminal("backfill", "etl/load", *SPAN)
    assert "4/4" in drawn.out and "━" in drawn.out
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 9, "reason": "exit code 9"}
    drawn = desk.on_terminal("backfill", "etl/load", *SPAN, "--again")
    assert drawn.out.count("failed: exit code 9\n") >= 4


def test_the_minute_that_cron_may_be_about_to_start_is_left_to_it(desk: Desk) -> None:
    loaded(desk)
    desk.pass_time(timedelta(seconds=30))
    told = desk("backfill", "etl/load", "--from", "16m", "--dry-run", "--json").json
    assert [of["slot"] for of in told] == ["2026-03-02T11:45:00Z"]


def test_a_dry_run_tells_what_would_run_and_runs_nothing(desk: Desk) -> None:
    box = loaded(desk).box
    desk.agent.start(box, "was", "load", "cron", SLOTS[1])
    answer = desk("backfill", "etl/load", *SPAN, "--dry-run")
    assert answer.code == 0
    assert [line.partition("UTC")[2].strip() for line in answer.out.splitlines()[:4]] == [
        "would run",
        "succeeded was",
        "would run",
        "would run",
    ]
    assert answer.out.splitlines()[4] == "3 slots of 4 would run"
    told = desk("backfill", "etl/load", *SPAN, "--dry-run", "--json").json
    assert told[0] == {"slot": SLOTS[0], "run": None, "status": None}
    assert told[1] == {"slot": SLOTS[1], "run": "was", "status": "succeeded"}
    assert not asked_for(desk)


def test_slots_are_those_of_the_boxs_own_zone_and_none_that_are_ahead(desk: Desk) -> None:
    desk.configure('[boxes.etl]\ntimezone = "Asia/Tokyo"\n')
    desk.crontab("etl/orders", "# cronbox: name=report\n0 6 * * * root /bin/report\n")
    desk.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    told = desk("backfill", "etl/report", "--from", "2026-03-01", "--to", "2026-03-09", "--dry-run", "--json")
    assert [of["slot"] for of in told.json] == ["2026-02-28T21:00:00Z", "2026-03-01T21:00:00Z"]


@pytest.mark.parametrize(
    ("job", "since", "code"),
    [("etl/load", "1m", 2), ("etl/boot", "1d", 2), ("etl/never", "1d", 4), ("etl/load", "soon", 2)],
)
def test_what_has_no_slots_is_refused(desk: Desk, job: str, since: str, code: int) -> None:
    desk.crontab("etl/orders", f"{CRONTAB}# cronbox: name=boot\n@reboot root true\n")
    desk("up")
    desk.pass_time(timedelta(minutes=7))
    assert desk("backfill", job, "--from", since).code == code
    assert not asked_for(desk)


def test_an_interruption_leaves_the_run_alone_and_says_how_to_go_on(desk: Desk) -> None:
    desk.up()
    start = desk.agent.start

    def interrupted(*args, **given) -> None:
        start(*args, **given)
        raise KeyboardInterrupt

    desk.agent.ends["load"] = {"exit_code": 0}
    desk("backfill", "etl/load", "--from", SLOTS[0], "--to", SLOTS[1])
    del desk.agent.ends["load"]
    desk.agent.start = interrupted  # type: ignore[method-assign]
    answer = desk("backfill", "etl/load", *SPAN)
    assert answer.code == 130
    assert "the same command goes on" in answer.err
    assert len(desk("runs", "--status", "running", "--json").json) == 1
