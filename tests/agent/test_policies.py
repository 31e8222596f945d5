"""Each policy by itself, and each against every other, on a clock that the test sets."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from cronbox.agent.commands import BadCommand
from cronbox.agent.retries import delay_before
from cronbox.agent.table import Catchup, Retries
from cronbox.agent.windows import Window
from tests.agent.builders import a_job, a_schedule
from tests.agent.life import MORNING, Life

HOURLY = a_schedule(minutes={0})
TWICE = Retries(most=2, delay=60.0)
ALL = Catchup("all")
LATEST = Catchup("latest")


def plain(lines: list[str]) -> list[str]:
    """Run ids and exact delays left out."""
    return [re.sub(r"\b[0-9a-f]{16}\b", "RUN", re.sub(r"retry in \d+ s", "retry", line)) for line in lines]


# Overlap


def test_with_queue_one_waits_and_the_next_is_skipped() -> None:
    box = Life(a_job(overlap="queue"))
    for _ in range(3):
        box.due("load")
        box.pass_time(60)
    box.end(box.run_of("load"))
    assert plain(box.told()) == [
        "started load",
        "queued load: overlap: run RUN is still running",
        "skipped load: overlap: run RUN is still running, run RUN waits already",
        "finished load succeeded",
        "started load",
    ]


def test_with_replace_the_old_run_ends_before_the_new_one_starts() -> None:
    box = Life(a_job(overlap="replace"))
    box.due("load")
    old = box.run_of("load")
    box.pass_time(60)
    box.due("load")
    assert box.stopping[old].reason.startswith("replaced by run ") and box.waits() == ["load"]
    box.end(old, code=None)
    assert plain(box.told()) == [
        "started load",
        "queued load: replaces run RUN",
        "finished load killed: replaced by run RUN",
        "started load",
    ]


def test_only_the_newest_of_several_replacements_starts() -> None:
    box = Life(a_job(overlap="replace"))
    for _ in range(3):
        box.due("load")
        box.pass_time(1)
    box.end(box.run_of("load"), code=None)
    assert plain(box.told("skipped", "started")) == [
        "started load",
        "skipped load: replaced by run RUN",
        "started load",
    ]
    assert box.waits() == []


def test_a_run_that_was_replaced_is_not_tried_again() -> None:
    box = Life(a_job(overlap="replace", retries=TWICE))
    box.due("load")
    box.due("load")
    box.end(box.run_of("load"), code=1)
    box.pass_time(1000)
    assert [line for line in box.told("queued") if "retry" in line] == []


# Places


def test_max_running_has_the_others_wait_in_their_order() -> None:
    box = Life(*[a_job(name) for name in "abcd"], max_running=2)
    box.due("a", "b", "c", "d")
    assert box.waits() == ["c", "d"]
    box.end(box.run_of("b"))
    assert (sorted(start.request.job.name for start in box.running.values()), box.waits()) == (
        ["a", "c"],
        ["d"],
    )
    assert "queued c: max_running: 2 of 2 run" in box.told()


def test_a_group_limits_its_own_jobs_only() -> None:
    box = Life(a_job("a", group="dw"), a_job("b", group="dw"), a_job("c"), groups={"dw": 1})
    box.due("a", "b", "c")
    assert box.waits() == ["b"]
    assert "queued b: group dw: 1 of 1 run" in box.told()
    box.end(box.run_of("a"))
    assert box.waits() == []


@pytest.mark.parametrize("away", [0.0, 600.0])
def test_no_place_is_lost_when_everything_dies(away: float) -> None:
    box = Life(a_job("a", group="dw"), a_job("b", group="dw"), max_running=1, groups={"dw": 1})
    box.due("a", "b")
    box.crash(away)
    assert box.run_of("b")
    box.due("a")
    box.end(box.run_of("b"))
    assert box.run_of("a")


# Retries


def test_a_failed_run_is_tried_again_until_it_succeeds_or_its_retries_are_used_up() -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    for _ in range(3):
        box.end(box.run_of("load"), code=1)
        box.pass_time(70)
    assert plain(box.told()) == [
        "started load",
        "finished load failed",
        "queued load#2: retry after exit code 1",
        "started load#2",
        "finished load failed",
        "queued load#3: retry after exit code 1",
        "started load#3",
        "finished load failed",
    ]
    starts = [event for event in box.events if event["type"] == "started"]
    assert {start.get("origin") for start in starts[1:]} == {starts[0]["run"]}
    assert {start["scheduled_for"] for start in starts} == {"2026-11-23T10:00:00Z"}
    assert [start["trigger"] for start in starts] == ["cron", "retry", "retry"]


def test_a_success_ends_the_retries() -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    box.end(box.run_of("load"))
    box.pass_time(1000)
    assert box.running == {} and box.waits() == []


def test_a_run_that_timed_out_is_tried_again_and_one_that_was_killed_is_not() -> None:
    box = Life(a_job(retries=TWICE, timeout=10.0))
    box.due("load")
    box.pass_time(10)
    box.end(box.run_of("load"), code=None)
    assert box.waits() == ["load"]
    box.pass_time(70)
    box.command("kill", run=box.run_of("load"), by="ann")
    box.end(box.run_of("load"), code=None)
    assert box.waits() == []


def test_with_retry_codes_only_these_are_tried_again() -> None:
    box = Life(a_job(retries=TWICE._replace(codes=frozenset({75}))))
    box.due("load")
    box.end(box.run_of("load"), code=1)
    assert box.waits() == []
    box.due("load")
    box.end(box.run_of("load"), code=75)
    assert box.waits() == ["load"]


def test_what_a_person_started_is_not_tried_again() -> None:
    box = Life(a_job(retries=TWICE))
    box.command("run", run="feed", job="load")
    box.end("feed", code=1)
    assert box.waits() == []


def test_between_two_attempts_a_run_still_goes_on_for_overlap() -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    box.end(box.run_of("load"), code=1)
    box.pass_time(30)
    box.due("load")
    assert plain(box.told("skipped")) == ["skipped load: overlap: run RUN still waits"]


def test_a_retry_goes_before_the_slot_that_was_queued_behind_its_run() -> None:
    box = Life(a_job(overlap="queue", retries=TWICE))
    box.due("load")
    box.due("load")
    box.end(box.run_of("load"), code=1)
    assert box.waits() == ["load", "load"] and box.running == {}
    box.pass_time(70)
    assert next(iter(box.running.values())).request.attempt == 2
    box.end(box.run_of("load"))
    assert next(iter(box.running.values())).request.attempt == 1


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("away", [0.0, 30.0, 3600.0])
def test_a_retry_survives_a_restart_of_the_box(away: float, anew: bool) -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    box.end(box.run_of("load"), code=1)
    box.crash(away, anew=anew)
    box.pass_time(70)
    request = box.running[box.run_of("load")].request
    assert (request.attempt, request.slot) == (2, MORNING)


def test_a_run_that_died_with_its_box_is_tried_again_as_a_failed_one() -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    box.crash()
    assert plain(box.told("queued")) == ["queued load#2: retry after lost"]


def test_a_run_that_the_box_cut_off_at_its_stop_is_tried_again_in_its_next_life() -> None:
    box = Life(a_job(retries=TWICE), stop_grace=5.0)
    box.due("load")
    box.terminate()
    box.pass_time(5)
    box.end(box.run_of("load"), code=None)
    assert box.over
    box.crash()
    box.pass_time(70)
    assert box.running[box.run_of("load")].request.attempt == 2


def test_delays_grow_by_the_backoff_to_a_day_at_most_and_spread_by_a_tenth() -> None:
    retries = Retries(most=50, delay=60.0, backoff=2.0)
    delays = [delay_before(retries, attempt, "feed") for attempt in (2, 3, 4, 50)]
    for wanted, delay in zip((60, 120, 240, 86_400), delays, strict=True):
        assert wanted <= delay <= wanted * 1.1
    assert delay_before(retries, 2, "feed") != delay_before(retries, 2, "beef")


# Jitter


def test_a_job_starts_later_by_its_own_share_and_keeps_its_slot() -> None:
    box = Life(a_job(delay=90.0))
    box.due("load")
    assert box.told() == ["queued load: jitter"]
    box.pass_time(89)
    assert box.running == {}
    box.pass_time(1)
    assert box.running[box.run_of("load")].request.slot == MORNING


def test_slots_that_are_only_delayed_do_not_overlap() -> None:
    box = Life(a_job(delay=150.0))
    for _ in range(3):
        box.due("load")
        box.pass_time(60)
    box.end(box.run_of("load"))
    box.pass_time(60)
    box.end(box.run_of("load"))
    assert box.told("skipped") == []


# Catch-up


@pytest.mark.parametrize("anew", [False, True])
def test_after_an_absence_the_latest_missed_slot_is_run_once(anew: bool) -> None:
    box = Life(a_job(schedule=HOURLY, catchup=LATEST))
    box.due("load")
    box.end(box.run_of("load"))
    box.crash(away=5 * 3600 + 60, anew=anew)
    request = box.running[box.run_of("load")].request
    assert (request.trigger, request.slot) == ("catchup", MORNING + 5 * 3600)
    box.end(request.run)
    box.crash()
    assert box.running == {} and box.waits() == []


def test_all_missed_slots_are_run_one_after_the_other_and_the_next_slot_behind_them() -> None:
    box = Life(a_job(schedule=HOURLY, catchup=ALL))
    box.due("load")
    box.end(box.run_of("load"))
    box.crash(away=3 * 3600)
    box.due("load")
    slots = []
    while box.running:
        run = box.run_of("load")
        slots.append(box.running[run].request.slot)
        box.end(run)
    assert slots[:3] == [MORNING + hour * 3600 for hour in (1, 2, 3)]
    assert box.told("skipped") == []


def test_slots_beyond_the_deadline_or_the_limit_stay_missed() -> None:
    box = Life(
        a_job("old", schedule=HOURLY, catchup=Catchup("all", deadline=7200.0)),
        a_job("many", schedule=HOURLY, catchup=Catchup("all", limit=3)),
    )
    box.crash(away=10 * 3600 + 1)
    triggered = [e for e in box.events if e.get("trigger") == "catchup" and e["type"] != "finished"]
    slots = {name: [e["scheduled_for"] for e in triggered if e["job"] == name] for name in ("old", "many")}
    assert slots == {
        "old": ["2026-11-23T19:00:00Z", "2026-11-23T20:00:00Z"],
        "many": ["2026-11-23T18:00:00Z", "2026-11-23T19:00:00Z", "2026-11-23T20:00:00Z"],
    }
    (limited,) = [event for event in box.events if event["type"] == "catchup_limited"]
    assert (limited["job"], limited["left_out"]) == ("many", 8)


def test_a_long_absence_of_many_jobs_ends_in_no_storm() -> None:
    box = Life(*[a_job(f"job{n}", schedule=HOURLY, catchup=LATEST) for n in range(50)])
    box.crash(away=7200)
    assert len(box.running) == 4 and len(box.waits()) == 46


def test_a_job_that_was_not_there_yet_has_missed_nothing() -> None:
    box = Life(a_job(schedule=HOURLY))
    box.pass_time(7200)
    box.load(a_job("new", schedule=HOURLY, times="0 * * * *", catchup=ALL))
    box.crash()
    assert box.running == {}


def test_a_schedule_that_was_changed_meanwhile_invents_no_slot() -> None:
    box = Life(a_job(schedule=HOURLY, times="0 * * * *", catchup=ALL))
    box.due("load")
    box.end(box.run_of("load"))
    box.table = box.table._replace(
        jobs={"load": a_job(schedule=a_schedule(minutes={30}), times="30 * * * *", catchup=ALL)}
    )
    box.crash(away=5 * 3600)
    assert box.running == {} and box.waits() == []


def test_when_cron_was_silent_its_own_catching_up_comes_first() -> None:
    box = Life(a_job(schedule=a_schedule(minutes={0}, hours={11}, wildcard=False), catchup=ALL))
    box.carry_out(box.core.tick("d1", box.now))
    box.pass_time(2 * 3600)
    box.carry_out(box.core.tick("d1", box.now))
    box.due("load")
    box.end(box.run_of("load"))
    box.pass_time(3600)
    slots = [event["scheduled_for"] for event in box.events if event["type"] == "started"]
    assert slots == ["2026-11-23T11:00:00Z"]


def test_what_cron_does_not_make_up_for_after_a_silence_is_caught_up() -> None:
    box = Life(a_job(schedule=HOURLY, catchup=LATEST))
    box.carry_out(box.core.tick("d1", box.now))
    box.pass_time(2 * 3600 + 300)
    box.carry_out(box.core.tick("d1", box.now))
    box.pass_time(3600)
    started = [(e["trigger"], e["scheduled_for"]) for e in box.events if e["type"] == "started"]
    assert started == [("catchup", "2026-11-23T12:00:00Z")]


# After


def after_extract(**changed: Any) -> Life:
    return Life(a_job("extract"), a_job("load", after=("extract",), **changed))


def test_a_job_waits_until_the_job_before_it_has_succeeded_for_the_slot() -> None:
    box = after_extract()
    box.due("load")
    assert "has not begun" in box.told()[0]
    box.due("extract")
    assert box.waits() == ["load"]
    box.end(box.run_of("extract"))
    assert box.run_of("load")


@pytest.mark.parametrize(("code", "status"), [(1, None), (None, "timed_out")])
def test_a_job_whose_predecessor_failed_is_skipped_and_says_why(code: int | None, status: str | None) -> None:
    box = after_extract()
    box.due("extract", "load")
    box.end(box.run_of("extract"), code, status)
    words = "timed out" if status else "failed"
    assert box.told("skipped") == [f"skipped load: after extract: its run for 2026-11-23T10:00:00Z {words}"]


def test_a_job_waits_for_the_retries_of_the_job_before_it() -> None:
    box = Life(a_job("extract", retries=TWICE), a_job("load", after=("extract",)))
    box.due("load", "extract")
    box.end(box.run_of("extract"), code=1)
    assert sorted(box.waits()) == ["extract", "load"]
    box.pass_time(70)
    box.end(box.run_of("extract"))
    assert box.run_of("load")


def test_a_job_is_skipped_when_the_job_before_it_was_skipped() -> None:
    box = after_extract()
    box.due("load")
    box.command("pause", job="extract", until=None, why="dry", by="ann")
    box.due("extract")
    assert box.told("skipped")[-1] == (
        "skipped load: after extract: its run for 2026-11-23T10:00:00Z was skipped"
    )


def test_a_job_waits_no_longer_than_it_is_told_to() -> None:
    box = after_extract(after_wait=600.0)
    box.due("load")
    box.pass_time(599)
    assert box.waits() == ["load"]
    box.pass_time(1)
    assert "its time to wait is over" in box.told("skipped")[0]


def test_a_slot_that_was_never_on_record_is_not_waited_for() -> None:
    daily = a_schedule(minutes={0}, hours={3})
    box = Life(a_job("extract", schedule=daily), a_job("load", after=("extract",)))
    box.due("load")
    assert box.told() == ["skipped load: after extract: its run for 2026-11-23T03:00:00Z is not on record"]


def test_yesterdays_success_counts_until_todays_slot() -> None:
    daily = a_schedule(minutes={0}, hours={10})
    box = Life(a_job("extract", schedule=daily), a_job("load", after=("extract",)))
    box.due("extract")
    box.end(box.run_of("extract"))
    box.crash(away=20 * 3600)
    box.due("load")
    assert box.run_of("load")


def test_a_person_does_not_wait_for_the_job_before() -> None:
    box = after_extract()
    box.command("run", run="feed", job="load")
    assert "feed" in box.running


def test_several_jobs_before_it_must_all_have_succeeded() -> None:
    box = Life(a_job("a"), a_job("b"), a_job("load", after=("a", "b")))
    box.due("load", "a", "b")
    box.end(box.run_of("a"))
    assert box.waits() == ["load"]
    box.end(box.run_of("b"))
    assert box.run_of("load")


# Holding back


def test_a_maintenance_window_holds_its_jobs_back_and_says_why() -> None:
    window = Window("backup", frozenset({"load"}), since=MORNING, until=MORNING + 120)
    box = Life(a_job(), a_job("other"), windows=(window,))
    box.due("load", "other")
    assert box.told("skipped") == ["skipped load: maintenance: backup"]
    box.pass_time(120)
    box.due("load")
    assert box.run_of("load")


def test_a_window_that_recurs_holds_for_its_length_from_each_slot() -> None:
    window = Window("backup", None, schedule=a_schedule(minutes={0}, hours={12}), length=1800.0)
    box = Life(a_job(), windows=(window,))
    held = []
    for _ in range(5):
        box.pass_time(1799)
        box.due("load")
        held.append(bool(box.told("skipped")))
        box.pass_time(1)
        for run in list(box.running):
            box.end(run)
    assert held == [False, False, False, False, True]


def test_pauses_outlive_the_box() -> None:
    box = Life(a_job())
    box.command("pause", job=None, until=None, why="moving", by="ann")
    box.crash()
    box.due("load")
    assert box.told() == ["skipped load: paused: moving"]


def test_a_pause_takes_what_waits_by_schedule_out_of_the_line() -> None:
    box = Life(a_job(retries=TWICE))
    box.due("load")
    box.end(box.run_of("load"), code=1)
    box.command("pause", job="load", until=None, why="broken", by="ann")
    assert box.told("skipped") == ["skipped load#2: paused: broken"]


# Persons


def test_a_waiting_run_can_be_killed() -> None:
    box = Life(a_job("a"), a_job("b"), max_running=1)
    box.due("a", "b")
    (waiting,) = box.core.waiting()
    box.command("kill", run=waiting.request.run, by="ann")
    assert box.told("finished") == ["finished b killed: killed by ann"]
    assert box.waits() == []


def test_a_patient_run_waits_where_overlap_would_skip_it() -> None:
    box = Life(a_job())
    box.due("load")
    box.command("run", run="feed", job="load", patient=True, scheduled_for="2026-11-20T10:00:30Z")
    assert box.waits() == ["load"]
    box.end(box.run_of("load"))
    assert box.running["feed"].request.slot == 1_795_168_800


@pytest.mark.parametrize(
    "fields",
    [
        {"env": {"1A": "x"}},
        {"env": {"CRONBOX_JOB": "x"}},
        {"env": {"A": 1}},
        {"env": {"A": "\0"}},
        {"env": ["A"]},
        {"args": "x"},
        {"args": [1]},
        {"args": ["\0"]},
        {"scheduled_for": "soon"},
        {"scheduled_for": 5},
        {"origin": 5},
    ],
)
def test_a_run_with_a_senseless_wish_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadCommand):
        Life(a_job()).command("run", run="feed", job="load", **fields)


def test_a_job_that_left_the_crontab_leaves_the_line() -> None:
    box = Life(a_job("a"), a_job("b"), max_running=1)
    box.due("a", "b")
    box.load(a_job("a"), max_running=1)
    assert box.told("skipped") == ["skipped b: the crontab has no such job any more"]


def test_what_waits_goes_by_the_crontab_that_is_in_force() -> None:
    box = Life(a_job("a"), a_job("b"), max_running=1)
    box.due("a", "b")
    box.load(a_job("a"), a_job("b", command="better"), max_running=2)
    assert box.running[box.run_of("b")].request.job.command == "better"


# Every policy against every other: whatever they are, the same laws hold

POLICIES: dict[str, list[dict[str, Any]]] = {
    "overlap": [{"overlap": word} for word in ("skip", "allow", "queue", "replace")],
    "retries": [{}, {"retries": TWICE}],
    "timeout": [{}, {"timeout": 100.0, "kill_after": 5.0}],
    "catchup": [{}, {"catchup": LATEST}, {"catchup": Catchup("all", limit=5)}],
    "delay": [{}, {"delay": 45.0}],
    "after": [{}, {"after": ("extract",)}],
    "place": [{}, {"group": "dw"}],
}
MIXTURES = [dict(itertools.chain(*(d.items() for d in mix))) for mix in itertools.product(*POLICIES.values())]


@pytest.mark.parametrize("job", MIXTURES, ids=lambda job: "-".join(map(str, job)) or "plain")
def test_whatever_its_policies_a_job_keeps_the_laws(job: dict[str, Any]) -> None:
    box = Life(a_job("extract"), a_job(**job), a_job("third", group="dw"), max_running=3, groups={"dw": 1})
    for round in range(6):
        box.due("extract", "load", "third")
        check_laws(box)
        box.pass_time(60)
        for run in list(box.running)[round % 2 :]:
            if run in box.running:
                box.end(run, code=round % 3)
                check_laws(box)
        if round == 3:
            box.crash(away=4000)
            check_laws(box)
    for _ in range(200):
        if not box.running and not box.waits():
            break
        box.pass_time(4000)
        for run in list(box.running):
            box.end(run)
        check_laws(box)
    assert box.waits() == [], "somebody was forgotten"
    check_ends(box)


def check_laws(box: Life) -> None:
    """What must hold at any moment; `Life` itself looks at what must hold when a run starts."""
    in_line = {waiting.request.run for waiting in box.core.waiting()}
    assert box.core.history.open.keys() == box.running.keys() | in_line


def check_ends(box: Life) -> None:
    """Every run that was told of has one end, and each slot's attempts are numbered without a hole."""
    ends: dict[str, int] = {}
    attempts: dict[str, list[int]] = {}
    for event in box.events:
        if event["type"] in ("finished", "skipped"):
            ends[event["run"]] = ends.get(event["run"], 0) + 1
        if event["type"] in ("queued", "started", "skipped") and "attempt" in event:
            seen = attempts.setdefault(event.get("origin") or event["run"], [])
            if event["attempt"] not in seen:
                seen.append(event["attempt"])
    assert set(ends.values()) <= {1}, "a run ended twice"
    assert all(seen == list(range(1, len(seen) + 1)) for seen in attempts.values())
