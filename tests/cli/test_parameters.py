"""Runs with variables and arguments, runs once more, runs that wait, and their attempts."""

from __future__ import annotations

import json

import pytest

from cronbox.engine import AGENT, ExecResult
from tests.cli.desk import Desk
from tests.fakes.engine import FakeBox


def commands(desk: Desk) -> list[dict[str, object]]:
    """What the agent was told, in order."""
    return [json.loads(stdin) for _, argv, stdin in desk.engine.executed if argv[-1] == "send"]


def test_a_run_gets_its_variables_and_arguments_and_keeps_them(desk: Desk) -> None:
    desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    id = desk("run", "etl/load", "--env", "DAY=1", "-e", "Q=a=b", "--", "--full", "two words").out.strip()
    told = commands(desk)[-1]
    assert (told["env"], told["args"]) == ({"DAY": "1", "Q": "a=b"}, ["--full", "two words"])
    shown = desk("show", id, "--json").json
    assert (shown["env"], shown["args"]) == ({"DAY": "1", "Q": "a=b"}, ["--full", "two words"])
    lines = desk("show", id).out.splitlines()
    assert "env        DAY=1 Q=a=b" in lines
    assert "args       --full 'two words'" in lines


@pytest.mark.parametrize("given", ["DAY", "=1", "1A=1", "a b=1", "CRONBOX_JOB=x", "BIG=" + "x" * 100_001])
def test_what_is_no_variable_is_refused_before_anything_runs(desk: Desk, given: str) -> None:
    desk.up()
    answer = desk("run", "etl/load", "--env", given)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert not commands(desk)


def test_a_request_that_the_box_refuses_is_told_in_its_words(desk: Desk) -> None:
    box = desk.up()

    def refuse(_: FakeBox, stdin: bytes) -> ExecResult:
        desk.agent.write(box, "bad_command", text="run", run=json.loads(stdin)["run"], reason="env: no")
        return ExecResult(0, b"", b"")

    desk.engine.script([*AGENT, "send"], refuse)
    answer = desk("run", "etl/load", "--wait")
    assert answer.code == 1
    assert "took no run: env: no" in answer.err


def test_rerun_repeats_a_run_with_all_that_it_was(desk: Desk) -> None:
    box = desk.up()
    slot = "2026-03-02T11:45:00Z"
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 7}
    desk.agent.start(box, "first", "load", "cron", slot)
    desk.agent.ends["load"] = {"exit_code": 0}
    again = desk("rerun", "first", "--wait")
    assert again.code == 0
    shown = desk("show", again.out.strip(), "--json").json
    assert (shown["scheduled_for"], shown["origin"], shown["trigger"]) == (slot, "first", "manual")
    assert "repeats    first" in desk("show", again.out.strip()).out
    assert [run["id"] for run in shown["attempts"]] == [shown["id"]]
    given = desk("run", "etl/load", "-e", "A=1", "--", "x").out.strip()
    once_more = desk("rerun", given, "--json").json["id"]
    shown = desk("show", once_more, "--json").json
    assert (shown["env"], shown["args"], shown["origin"]) == ({"A": "1"}, ["x"], given)


def test_who_waits_for_a_run_in_line_is_told_why_it_waits(desk: Desk) -> None:
    box = desk.up()
    desk.agent.ends["load"] = {"exit_code": 0}
    desk.agent.start(box, "first", "report")
    desk.agent.holds["load"] = "max_running: 1 of 1 run"
    answer = desk("run", "etl/load")
    id = answer.out.strip()
    assert (answer.code, answer.err) == (0, f"run {id} waits: max_running: 1 of 1 run\n")
    [waiting] = desk("runs", "--status", "queued", "--json").json
    assert (waiting["id"], waiting["reason"]) == (id, "max_running: 1 of 1 run")
    assert "max_running" in desk("runs", "--status", "queued").out


def test_waiting_goes_on_through_the_queue_to_the_end(desk: Desk) -> None:
    box = desk.up()
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 3}
    queue = desk.agent.queue

    def queue_for_a_moment(*args: object, **kwargs: object) -> None:
        queue(*args, **kwargs)  # type: ignore[arg-type]
        del desk.agent.holds["load"]
        desk.agent.finish(box, "first")

    desk.agent.start(box, "first", "report")
    desk.agent.holds["load"] = "behind"
    desk.agent.queue = queue_for_a_moment  # type: ignore[method-assign]
    desk.agent._running["first"] = "load"
    answer = desk("run", "etl/load", "--wait")
    assert answer.code == 3
    assert "waits: behind" in answer.err and "failed" in answer.err


def test_kill_ends_a_run_that_waits(desk: Desk) -> None:
    desk.up()
    desk.agent.holds["load"] = "max_running: 1 of 1 run"
    id = desk("run", "etl/load").out.strip()
    answer = desk("kill", id)
    assert (answer.code, answer.out) == (0, f"{id} was killed\n")
    shown = desk("show", id, "--json").json
    assert (shown["status"], shown["started_at"]) == ("killed", None)


def tried_three_times(desk: Desk) -> None:
    """A run that failed twice and whose third attempt waits."""
    box = desk.up()
    slot = "2026-03-02T11:45:00Z"
    desk.agent.ends["load"] = {"status": "failed", "exit_code": 7, "reason": "exit code 7"}
    desk.agent.start(box, "a1", "load", "cron", slot)
    desk.agent.start(box, "a2", "load", "retry", slot, attempt=2, origin="a1")
    reason = "retry in 60 s after exit code 7"
    desk.agent.queue(box, "a3", "load", reason, slot=slot, trigger="retry", attempt=3, origin="a1")


def test_the_attempts_of_a_run_are_shown_together(desk: Desk) -> None:
    tried_three_times(desk)
    for id in ("a1", "a2", "a3"):
        shown = desk("show", id, "--json").json
        assert [(run["id"], run["attempt"]) for run in shown["attempts"]] == [("a1", 1), ("a2", 2), ("a3", 3)]
    lines = desk("show", "a2").out.splitlines()
    assert "trigger    retry, attempt 2" in lines and "first try  a1" in lines
    assert [line.split()[:3] for line in lines[-3:]] == [
        ["1", "a1", "failed"],
        ["*", "2", "a2"],
        ["3", "a3", "queued"],
    ]
    assert max(map(len, lines)) <= 80


def test_a_listing_marks_attempts_and_shows_why_one_waits(desk: Desk) -> None:
    tried_three_times(desk)
    lines = desk("runs").out.splitlines()
    assert "retry 3" in lines[1] and "retry in" in lines[1]
    assert "retry 2" in lines[2] and "cron" in lines[3]
    assert max(map(len, lines)) <= 80


def test_kill_of_an_attempt_that_has_ended_names_the_one_that_waits(desk: Desk) -> None:
    tried_three_times(desk)
    answer = desk("kill", "a1")
    assert answer.code == 1
    assert "cronbox kill a3" in answer.err
    assert desk("kill", "a3").code == 0


def test_ps_and_jobs_tell_how_many_wait(desk: Desk) -> None:
    tried_three_times(desk)
    desk.agent.queue(desk.box, "b1", "load", "behind run a3")
    desk.agent.start(desk.box, "r1", "report")
    [box] = desk("ps", "--json").json
    assert (box["running"], box["queued"]) == (1, 2)
    assert " 1+2 " in desk("ps").out
    assert {job["job"]: job["queued"] for job in desk("jobs", "--json").json} == {
        "etl/load": 2,
        "etl/report": 0,
    }
    assert ", 1 waiting" in desk("jobs").out
