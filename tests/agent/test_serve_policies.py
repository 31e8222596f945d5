"""Policies of a real agent with real processes, through restarts that nobody announced."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agent.builders import EVERY_DAY, Box, an_entry

pytestmark = pytest.mark.slow


def hourly(minute: int) -> dict[str, Any]:
    hours = list(range(24))
    return {"text": f"{minute} * * * *", "minutes": [minute], "hours": hours, "wildcard": False, **EVERY_DAY}


def kill_the_agent(box: Box) -> None:
    """As if the power had gone, but for its jobs, which die with it in a real box."""
    assert box.agent is not None
    box.agent.send_signal(signal.SIGKILL)
    box.agent.wait()
    for event in box.events("started"):
        if not box.events("finished", run=event["run"]):
            os.killpg(event["pid"], signal.SIGKILL)
    box.agent = None


def test_a_failed_run_is_tried_again_and_the_attempts_belong_together(box: Box) -> None:
    box.install(an_entry("load", "test $CRONBOX_ATTEMPT = 3", retries=2, retry_delay=0.05))
    box.start()
    box.say("load")
    box.wait_event("finished", job="load", status="succeeded")
    starts = box.events("started", job="load")
    assert [start["attempt"] for start in starts] == [1, 2, 3]
    assert [start.get("origin") for start in starts] == [None, starts[0]["run"], starts[0]["run"]]
    assert [end["exit_code"] for end in box.events("finished")] == [1, 1, 0]


def test_a_retry_that_waits_survives_the_death_of_the_agent(box: Box) -> None:
    box.install(an_entry("load", "test $CRONBOX_ATTEMPT = 2", retries=1, retry_delay=1.0))
    box.start()
    box.say("load")
    waiting = box.wait_event("queued", job="load")
    kill_the_agent(box)
    box.start()
    end = box.wait_event("finished", job="load", status="succeeded")
    assert end["run"] == waiting["run"]
    assert [event["run"] for event in box.events("queued")] == [waiting["run"]] * 2


def test_a_run_that_dies_with_the_agent_is_tried_again_in_the_next_life(box: Box) -> None:
    box.install(an_entry("load", "test $CRONBOX_ATTEMPT = 2 || sleep 1000", retries=1, retry_delay=0.05))
    box.start()
    box.say("load")
    first = box.wait_event("started", job="load")
    kill_the_agent(box)
    box.start()
    end = box.wait_event("finished", job="load", status="succeeded")
    (second,) = box.events("started", run=end["run"])
    assert (second["attempt"], second["origin"], second["trigger"]) == (2, first["run"], "retry")
    assert second["scheduled_for"] == first["scheduled_for"]


def test_without_its_snapshot_the_agent_knows_from_the_log_what_waits(box: Box) -> None:
    box.install(an_entry("load", "test $CRONBOX_ATTEMPT = 2", retries=1, retry_delay=2.0))
    box.start()
    box.say("load")
    waiting = box.wait_event("queued", job="load")
    kill_the_agent(box)
    Path(box.paths.state).unlink()
    box.start()
    assert box.wait_event("finished", job="load", status="succeeded")["run"] == waiting["run"]


def test_a_job_comes_after_another_that_failed_at_first(box: Box) -> None:
    box.install(
        an_entry("extract", "test $CRONBOX_ATTEMPT = 2", retries=1, retry_delay=0.2),
        an_entry("load", "true", after=["extract"]),
    )
    box.start()
    box.say("load extract")
    box.wait_event("finished", job="load", status="succeeded")
    order = [(event["type"], event["job"]) for event in box.events() if event.get("job")]
    assert order.index(("started", "load")) > len(order) - 3
    assert order.count(("finished", "extract")) == 2


def test_a_place_is_free_again_after_its_run_was_killed_from_outside(box: Box) -> None:
    box.install(an_entry("a", "exec sleep 1000"), an_entry("b", "true"), max_running=1)
    box.start()
    box.say("a b")
    box.wait_event("queued", job="b")
    os.kill(box.wait_event("started", job="a")["pid"], signal.SIGKILL)
    assert box.finished("b")["status"] == "succeeded"


def test_replace_ends_the_old_run_and_starts_the_new_one(box: Box) -> None:
    box.install(an_entry("load", "sleep 1000", overlap="replace"))
    box.start()
    box.say("load")
    first = box.wait_event("started", job="load")["run"]
    box.say("load")
    end = box.wait_event("finished", run=first)
    second = box.wait(lambda: [e for e in box.events("started", job="load") if e["run"] != first])[0]["run"]
    assert (end["status"], end["reason"]) == ("killed", f"replaced by run {second}")


def test_slots_missed_while_the_box_was_away_are_caught_up_with_once(box: Box) -> None:
    minutes = int(time.time() // 60)
    box.install(an_entry("load", "echo $CRONBOX_SCHEDULED_FOR", schedule=hourly((minutes - 2) % 60)))
    box.start()
    box.say("load")
    box.finished("load")
    kill_the_agent(box)
    state = json.loads(Path(box.paths.state).read_text())
    past = state["history"]["jobs"]["load"]
    past[1], past[2], past[4] = 0.0, (minutes - 62) * 60, []
    state["seq"] = box.events()[-1]["seq"]
    Path(box.paths.state).write_text(json.dumps(state))
    box.install(
        an_entry("load", "echo $CRONBOX_SCHEDULED_FOR", catchup="all", schedule=hourly((minutes - 2) % 60))
    )
    for _ in range(2):
        box.start()
        box.wait(lambda: len(box.events("finished", job="load")) >= 2)
        assert box.end() == 0
    (caught_up,) = box.events("started", trigger="catchup")
    assert int(caught_up["scheduled_for"][14:16]) == (minutes - 2) % 60


def test_a_person_gives_a_run_variables_and_arguments_that_no_shell_reads(box: Box) -> None:
    box.install(an_entry("load", 'printf "%s|" "$MODE"; printf "%s|"'))
    box.start()
    wish = {
        "do": "run",
        "run": "feed",
        "job": "load",
        "env": {"MODE": "a b"},
        "args": ["$(id)", "; ls", "x y"],
    }
    box.say(f"@do {json.dumps(wish)}")
    box.finished("load")
    assert box.printed("feed") == [("out", "a b|$(id)|; ls|x y|")]


def test_a_run_knows_when_the_last_one_began_that_succeeded(box: Box) -> None:
    box.install(an_entry("load", "echo last=$CRONBOX_LAST_SUCCESS"))
    box.start()
    for _ in range(2):
        ends = len(box.events("finished"))
        box.say("load")
        box.wait(lambda ends=ends: len(box.events("finished")) > ends)
    first, second = box.events("started")
    assert box.printed(first["run"]) == [("out", "last=")]
    ((_, last),) = box.printed(second["run"])
    assert last.removeprefix("last=")[:19] == first["t"][:19]


def test_a_waiting_run_is_killed_before_it_begins(box: Box) -> None:
    box.install(an_entry("a", "sleep 1000"), an_entry("b", "true"), max_running=1)
    box.start()
    box.say("a b")
    run = box.wait_event("queued", job="b")["run"]
    box.say(f'@do {{"do": "kill", "run": "{run}", "by": "ann"}}')
    end = box.finished("b")
    assert (end["status"], end["reason"], end["duration_s"]) == ("killed", "killed by ann", None)
    assert box.events("started", job="b") == []


def test_the_status_file_shows_who_waits_and_why(box: Box) -> None:
    box.install(an_entry("a", "sleep 1000"), an_entry("b", "true"), max_running=1)
    box.start()
    box.say("a b")

    def waiting() -> list[tuple[str, str]]:
        file = Path(box.paths.status)
        status = json.loads(file.read_text()) if file.exists() else {"waiting": []}
        return [(place["job"], place["reason"]) for place in status["waiting"]]

    assert box.wait(waiting) == [("b", "max_running: 1 of 1 run")]
