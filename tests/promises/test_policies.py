"""Policies in a real box: retries, places, dependencies, catch-up and pauses outlive what happens to it."""

from __future__ import annotations

import time

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("policies")]

CRONTAB = """\
# cronbox: name=flaky retries=2 retry-delay=1s
0 0 1 1 * root test "$CRONBOX_ATTEMPT" = 3
# cronbox: name=patient retries=1 retry-delay=8s
0 0 1 1 * root test "$CRONBOX_ATTEMPT" = 2
# cronbox: name=cut-off retries=1 retry-delay=1s
0 0 1 1 * root test "$CRONBOX_ATTEMPT" = 2 || sleep 600
# cronbox: name=extract group=warehouse
0 0 1 1 * root sleep 1; echo extracted >>/data/order
# cronbox: name=load after=extract
0 0 1 1 * root echo loaded >>/data/order
# cronbox: name=broken
0 0 1 1 * root exit 4
# cronbox: name=behind-broken after=broken
0 0 1 1 * root true
# cronbox: name=long group=warehouse
0 0 1 1 * root sleep 600
# cronbox: name=warm-up
@reboot root true
# cronbox: name=newest overlap=replace kill-after=2s
0 0 1 1 * root sleep 600
"""
CONFIG = "[boxes.etl]\ngroups = { warehouse = 1 }\nstop_grace = '2s'\n"


@pytest.fixture
def box(project: Project) -> Project:
    project.configure(CONFIG)
    project.crontab("etl/jobs", CRONTAB)
    project.cli("up")
    return project


def test_a_reboot_job_starts_once_with_each_start_of_the_box(box: Project) -> None:
    wait_until(lambda: len(box.runs("etl/warm-up", "--status", "succeeded")) == 1)
    box.cli("restart")
    wait_until(lambda: len(box.runs("etl/warm-up", "--status", "succeeded")) == 2)
    assert {run["trigger"] for run in box.runs("etl/warm-up")} == {"reboot"}


def test_attempts_of_a_run_are_on_record_together(box: Project) -> None:
    box.fire("etl", "flaky")
    wait_until(lambda: box.runs("etl/flaky", "--status", "succeeded"))
    attempts = sorted(box.runs("etl/flaky"), key=lambda run: run["attempt"])
    assert [(run["attempt"], run["status"], run["trigger"]) for run in attempts] == [
        (1, "failed", "cron"),
        (2, "failed", "retry"),
        (3, "succeeded", "retry"),
    ]
    assert len({run["scheduled_for"] for run in attempts}) == 1
    shown = box.json("show", attempts[0]["id"])
    assert [attempt["id"] for attempt in shown["attempts"]] == [run["id"] for run in attempts]


def test_a_retry_waits_on_through_the_death_of_its_box(box: Project) -> None:
    box.fire("etl", "patient", "cut-off")
    wait_until(lambda: box.runs("etl/patient", "--status", "queued"))
    wait_until(lambda: box.runs("etl/cut-off", "--status", "running"))
    box.box("etl").kill()
    box.box("etl").start()
    for job in ("patient", "cut-off"):
        wait_until(lambda job=job: box.runs(f"etl/{job}", "--status", "succeeded"))
        runs = sorted(box.runs(f"etl/{job}"), key=lambda run: run["attempt"])
        ends = [run["status"] for run in runs]
        assert ends == (["failed", "succeeded"] if job == "patient" else ["lost", "succeeded"])


def test_a_job_comes_after_another_and_is_skipped_if_that_failed(box: Project) -> None:
    box.fire("etl", "extract", "load", "broken", "behind-broken")
    wait_until(lambda: box.runs("etl/load", "--status", "succeeded"))
    assert box.inside("etl", "cat", "/data/order").split() == ["extracted", "loaded"]
    (skipped,) = wait_until(lambda: box.runs("etl/behind-broken", "--status", "skipped"))
    assert skipped["reason"].startswith("after broken: its run for ") and skipped["reason"].endswith("failed")


def test_a_place_in_a_group_is_free_again_after_a_kill_and_after_the_box_died(box: Project) -> None:
    box.fire("etl", "long", "extract")
    (waiting,) = wait_until(lambda: box.runs("etl/extract", "--status", "queued"))
    assert waiting["reason"] == "group warehouse: 1 of 1 run"
    (running,) = box.runs("etl/long")
    box.cli("kill", running["id"])
    wait_until(lambda: box.runs("etl/extract", "--status", "succeeded"))
    box.fire("etl", "long", "extract")
    wait_until(lambda: box.runs("etl/extract", "--status", "queued"))
    box.box("etl").kill()
    box.box("etl").start()
    wait_until(lambda: len(box.runs("etl/extract", "--status", "succeeded")) == 2)


def test_replace_leaves_one_run_and_says_by_whom_the_other_was_replaced(box: Project) -> None:
    box.fire("etl", "newest")
    wait_until(lambda: box.runs("etl/newest", "--status", "running"))
    box.fire("etl", "newest")
    (killed,) = wait_until(lambda: box.runs("etl/newest", "--status", "killed"))
    (running,) = wait_until(lambda: box.runs("etl/newest", "--status", "running"))
    assert killed["reason"] == f"replaced by run {running['id']}"


def test_slots_missed_while_the_box_stood_still_are_run_once_when_it_is_back(project: Project) -> None:
    project.configure("[boxes.etl]\nstop_grace = '1s'\n")
    project.crontab(
        "etl/jobs",
        "# cronbox: name=once catchup=latest\n* * * * * root date\n"
        "# cronbox: name=every catchup=all\n* * * * * root date\n"
        "# cronbox: name=never\n* * * * * root date\n",
    )
    project.cli("up")
    wait_until(lambda: project.runs("--trigger", "cron"), within=100)
    project.box("etl").stop()
    time.sleep(125 - time.time() % 60)
    project.box("etl").start()
    caught_up = wait_until(lambda: project.runs("etl/every", "--trigger", "catchup", "--status", "succeeded"))
    wait_until(lambda: project.runs("etl/once", "--trigger", "catchup", "--status", "succeeded"))
    project.cli("restart")
    runs = [run for run in project.runs("-n", "100") if run["trigger"] == "catchup"]
    slots = [(run["job"], run["scheduled_for"]) for run in runs]
    assert len(slots) == len(set(slots)), "a slot was run twice"
    assert sum(job == "once" for job, _ in slots) == 1
    assert sum(job == "every" for job, _ in slots) >= 2 and len(caught_up) >= 1
    assert not any(job == "never" for job, _ in slots)
    minutes = sorted(slot for job, slot in {*slots, *_cron_slots(project)} if job == "every")
    assert len(minutes) == len(set(minutes)), "cron and the catch-up both ran it"


def _cron_slots(project: Project) -> set[tuple[str, str]]:
    runs = project.runs("-n", "100", "--trigger", "cron")
    return {(run["job"], run["scheduled_for"]) for run in runs if run["status"] == "succeeded"}


def test_a_pause_outlives_a_new_container(box: Project) -> None:
    box.cli("pause", "etl/flaky", "--why", "moving")
    box.cli("down")
    box.cli("up")
    box.fire("etl", "flaky")
    (skipped,) = wait_until(lambda: box.runs("etl/flaky", "--status", "skipped"))
    assert skipped["reason"] == "paused: moving"
    assert box.json("ps")[0]["holds"][0]["why"] == "paused: moving"
