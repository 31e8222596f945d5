from __future__ import annotations

from typing import Any

import pytest

from cronbox.agent.clock import Now
from cronbox.agent.commands import BadCommand
from cronbox.agent.core import Core
from cronbox.agent.decisions import Decision, Kill, Quit, Say, Skip, Start, Stop
from cronbox.agent.history import History
from cronbox.agent.request import Trigger
from cronbox.agent.table import Job, Table
from tests.agent.builders import a_job

MORNING = 1_795_428_000.0


def at(seconds: float) -> Now:
    return Now(MORNING + seconds, seconds)


def a_core(*jobs: Job, stop_grace: float = 30.0) -> Core:
    table = Table("d1", stop_grace=stop_grace, jobs={job.name: job for job in jobs})
    core = Core(table, History(), since=MORNING - 3600)
    core.loaded(table, at(-3600))
    return core


def start(core: Core, job: str = "load", seconds: float = 0.0) -> str:
    (decision,) = core.due((job,), at(seconds))
    assert isinstance(decision, Start)
    return decision.request.run


def reason(decisions: list[Decision]) -> str:
    (decision,) = decisions
    assert isinstance(decision, Skip)
    return decision.reason


def command(core: Core, verb: str, **fields: Any) -> list[Decision]:
    return core.command(verb, fields, at(0))


def test_a_due_job_starts_with_the_slot_it_stands_for() -> None:
    (decision,) = a_core(a_job()).due(("load",), at(61))
    assert isinstance(decision, Start)
    assert (decision.request.trigger, decision.request.slot) == (Trigger.CRON, int(MORNING) + 60)


def test_the_first_start_by_a_cron_that_was_started_again_stands_for_its_own_minute() -> None:
    core = a_core(a_job("load"))
    core.tick("d1", at(0))
    core.cron_begins(at(200))
    [start_] = [each for each in core.due(("load",), at(240)) if isinstance(each, Start)]
    assert start_.request.slot == at(240).wall // 60 * 60


def test_a_job_that_still_runs_is_skipped_and_the_reason_names_the_run() -> None:
    core = a_core(a_job())
    run = start(core)
    assert reason(core.due(("load",), at(60))) == f"overlap: run {run} is still running"


def test_a_job_that_has_ended_starts_again() -> None:
    core = a_core(a_job())
    core.exited(start(core), "succeeded", 0, at(1))
    start(core, seconds=60)


def test_overlap_allow_lets_two_runs_go_on_at_once() -> None:
    core = a_core(a_job(overlap="allow"))
    assert start(core) != start(core, seconds=60)


def test_an_unknown_job_is_told_and_the_others_on_the_line_start() -> None:
    gone, started = a_core(a_job()).due(("gone", "load"), at(0))
    assert gone == Say("unknown_job", {"job": "gone"})
    assert isinstance(started, Start)


def test_a_run_over_its_timeout_is_stopped_then_killed() -> None:
    core = a_core(a_job(timeout=20.0, kill_after=5.0))
    run = start(core)
    assert core.next_deadline(at(0)) == 20
    assert core.passed(at(19)) == []
    assert core.passed(at(20)) == [Stop(run, "timed_out", "timeout after 20 s")]
    assert core.passed(at(24)) == []
    assert core.passed(at(25)) == [Kill(run)]
    assert core.passed(at(99)) == []


def test_a_kill_command_stops_the_run_in_the_name_of_who_asked() -> None:
    core = a_core(a_job())
    run = start(core)
    assert command(core, "kill", run=run, by="ann") == [Stop(run, "killed", "killed by ann")]
    assert core.passed(at(10)) == [Kill(run)]


def test_killing_what_does_not_run_is_refused() -> None:
    with pytest.raises(BadCommand, match="is not running"):
        command(a_core(a_job()), "kill", run="beef", by="ann")


def test_a_run_command_uses_the_id_it_brings_and_acts_once() -> None:
    core = a_core(a_job())
    (decision,) = command(core, "run", run="feed", job="load", by="ann")
    assert isinstance(decision, Start)
    assert (decision.request.run, decision.request.trigger) == ("feed", Trigger.MANUAL)
    core.exited("feed", "succeeded", 0, at(1))
    assert command(core, "run", run="feed", job="load", by="ann") == []


@pytest.mark.parametrize(
    "fields", [{}, {"run": "feed"}, {"run": 7, "job": "load"}, {"run": "", "job": "load"}]
)
def test_a_run_command_without_its_fields_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadCommand):
        command(a_core(a_job()), "run", **fields)


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(BadCommand, match="unknown command"):
        command(a_core(), "dance")


def test_a_paused_job_is_skipped_with_the_reason_until_it_is_resumed() -> None:
    core = a_core(a_job())
    (said,) = command(core, "pause", job="load", until=None, why="upgrade", by="ann")
    assert said == Say("paused", {"job": "load", "until": None, "why": "upgrade", "by": "ann"})
    assert reason(core.due(("load",), at(0))) == "paused: upgrade"
    command(core, "resume", job="load", by="ann")
    start(core, seconds=60)


def test_a_paused_box_holds_every_job() -> None:
    core = a_core(a_job("a"), a_job("b"))
    command(core, "pause", job=None, until=None, why="", by="ann")
    assert all(isinstance(decision, Skip) for decision in core.due(("a", "b"), at(0)))


def test_a_pause_ends_by_itself() -> None:
    core = a_core(a_job())
    command(core, "pause", job="load", until="2026-11-23T09:20:00Z", why="", by="ann")
    until = 1_795_425_600.0
    assert reason(core.due(("load",), Now(until - 1, 0)))
    (decision,) = core.due(("load",), Now(until, 1))
    assert isinstance(decision, Start)


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-23T09:20:00", 7])
def test_a_pause_until_no_moment_is_refused_and_pauses_nothing(until: object) -> None:
    core = a_core(a_job())
    with pytest.raises(BadCommand, match="until"):
        command(core, "pause", job="load", until=until, why="", by="ann")
    start(core)


def test_a_person_may_run_a_paused_job() -> None:
    core = a_core(a_job(paused=True))
    assert reason(core.due(("load",), at(0))) == "paused: by its crontab"
    (decision,) = command(core, "run", run="feed", job="load", by="ann")
    assert isinstance(decision, Start)


def test_reboot_jobs_start_with_the_box_and_have_no_slot() -> None:
    (decision,) = a_core(a_job(), a_job("warm-up", schedule=None)).booted(at(0))
    assert isinstance(decision, Start)
    assert (decision.request.job.name, decision.request.slot) == ("warm-up", None)


def test_in_a_new_container_reboot_jobs_start_when_their_table_comes_and_once() -> None:
    core = Core(Table(), History(), since=MORNING)
    assert core.booted(at(0)) == []
    job = a_job("warm-up", schedule=None)
    (decision,) = core.loaded(Table("d1", jobs={"warm-up": job}), at(1))
    assert isinstance(decision, Start)
    assert core.loaded(Table("d2", jobs={"warm-up": job}), at(2)) == []


def test_one_tick_a_minute_is_told() -> None:
    core = a_core()
    assert core.tick("d1", at(1)) == [Say("tick", {"digest": "d1"})]
    assert core.tick("d1", at(30)) == []
    assert core.tick("d1", at(61)) != []


def test_an_idle_box_quits_at_once_on_sigterm() -> None:
    assert a_core().terminate(at(0)) == [Say("draining", {"running": 0}), Quit("SIGTERM")]


def test_on_sigterm_nothing_starts_and_running_jobs_get_their_grace() -> None:
    core = a_core(a_job(), a_job("other"), stop_grace=30.0)
    run = start(core)
    assert core.terminate(at(0)) == [Say("draining", {"running": 1})]
    assert reason(core.due(("other",), at(1))) == "draining"
    assert core.passed(at(29)) == []
    assert core.passed(at(30)) == [Stop(run, "killed", "the box stopped")]
    assert core.passed(at(35)) == [Kill(run)]
    assert core.exited(run, "killed", None, at(36)) == [Quit("SIGTERM")]


def test_a_job_that_ends_within_the_grace_ends_the_box() -> None:
    core = a_core(a_job())
    run = start(core)
    core.terminate(at(0))
    assert core.exited(run, "killed", None, at(36)) == [Quit("SIGTERM")]


def test_a_second_sigterm_ends_the_grace() -> None:
    core = a_core(a_job())
    run = start(core)
    core.terminate(at(0))
    core.terminate(at(1))
    assert core.passed(at(1)) == [Stop(run, "killed", "the box stopped")]


def test_a_run_already_told_to_end_gets_no_longer_patience_when_the_box_stops() -> None:
    core = a_core(a_job(timeout=1.0, kill_after=600.0))
    run = start(core)
    core.passed(at(1))
    core.terminate(at(2))
    core.terminate(at(2))
    assert core.passed(at(2)) == []
    assert core.passed(at(7)) == [Kill(run)]


def test_a_drained_box_waits_for_its_jobs_without_limit_and_then_for_sigterm() -> None:
    core = a_core(a_job())
    run = start(core)
    command(core, "drain")
    assert core.passed(at(100_000)) == []
    assert core.exited(run, "killed", None, at(36)) == []
    assert core.terminate(at(100_001)) == [Quit("SIGTERM")]
