"""Editing a crontab: live within seconds, refused when bad, put right when somebody else touched it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("crontab-edit")]

GOOD = "# cronbox: name=first\n* * * * * root echo first\n"
LONG = "# cronbox: name=long\n0 0 1 1 * root echo begun; sleep 8; echo done\n"
INSTALLED = "/etc/cron.d/cronbox"


@pytest.fixture
def live(project: Project) -> Iterator[Project]:
    """A project with one box, up, and its daemon."""
    project.crontab("etl/jobs", GOOD)
    project.cli("up")
    with project.daemon():
        wait_until(lambda: project.json("ps")[0]["state"] == "running")
        yield project


def installed(project: Project) -> str:
    return project.inside("etl", "cat", INSTALLED)


def box(project: Project) -> Any:
    return project.json("ps")[0]


def test_the_installed_file_is_one_that_cron_accepts(live: Project) -> None:
    facts = live.inside("etl", "stat", "-c", "%U:%G %a %h", INSTALLED).strip()
    assert facts == "root:root 644 1"
    assert installed(live).endswith("\n")


def test_cron_itself_proves_that_it_loaded_the_file_and_fires(live: Project) -> None:
    wait_until(lambda: box(live)["loaded"], within=100)
    [run] = wait_until(
        lambda: live.runs("etl/first", "--trigger", "cron", "--status", "succeeded", "-n", "1"), within=100
    )
    assert run["scheduled_for"].endswith(":00Z")


def test_an_edit_is_in_the_box_within_five_seconds_without_a_restart(live: Project) -> None:
    began = live.box("etl").attrs["State"]["StartedAt"]
    live.crontab("etl/jobs", GOOD + "# cronbox: name=second\n*/5 * * * * root echo second\n")
    wait_until(lambda: "echo second" in installed(live), within=5)
    assert live.box("etl").attrs["State"]["StartedAt"] == began


def test_a_bad_edit_is_refused_with_file_and_line_and_the_old_one_goes_on(live: Project) -> None:
    before = installed(live)
    live.crontab("etl/jobs", GOOD + "61 * * * * root echo never\n")
    wait_until(lambda: box(live)["drift"] == "refused", within=10)
    assert "crontabs/etl/jobs:3:1" in box(live)["problem"]
    assert installed(live) == before
    live.crontab("etl/jobs", GOOD)
    wait_until(lambda: box(live)["problem"] is None, within=10)


def test_a_file_that_somebody_changed_in_the_box_is_put_right(live: Project) -> None:
    before = installed(live)
    live.inside("etl", "sh", "-c", f"echo '* * * * * root touch /tmp/intruder' >>{INSTALLED}")
    wait_until(lambda: any(event["type"] == "drifted" for event in live.log("etl")), within=40)
    wait_until(lambda: installed(live) == before, within=40)


def test_a_file_that_somebody_removed_in_the_box_is_put_right(live: Project) -> None:
    before = installed(live)
    live.inside("etl", "rm", INSTALLED)
    wait_until(lambda: live.inside("etl", "sh", "-c", f"cat {INSTALLED} || true") == before, within=40)


def test_editing_a_crontab_kills_no_running_job(live: Project) -> None:
    live.crontab("etl/jobs", GOOD + LONG)
    wait_until(lambda: "long" in installed(live), within=10)
    live.fire("etl", "long")
    wait_until(lambda: live.runs("etl/long", "--status", "running"))
    live.crontab("etl/jobs", GOOD)
    wait_until(lambda: "long" not in installed(live), within=10)
    wait_until(lambda: live.runs("etl/long", "--status", "succeeded"))


def test_a_change_of_the_box_waits_for_its_running_jobs(live: Project) -> None:
    live.crontab("etl/jobs", GOOD + LONG)
    live.cli("sync")
    live.fire("etl", "long")
    wait_until(lambda: live.runs("etl/long", "--status", "running"))
    old = live.box("etl").id
    live.configure("[boxes.etl]\nenv = { NEW = '1' }\n")
    time.sleep(2)
    assert live.box("etl").id == old
    wait_until(lambda: live.runs("etl/long", "--status", "succeeded"))
    wait_until(lambda: [box.id for box in live.boxes()] not in ([], [old]), within=40)
    assert live.cli("logs", "etl/long").stdout.rstrip().endswith("done")


def test_a_second_up_changes_nothing(live: Project) -> None:
    before = live.box("etl").id
    live.cli("up")
    assert live.box("etl").id == before


def test_a_new_folder_becomes_a_box_and_one_put_down_stays_down(live: Project) -> None:
    live.crontab("extra/jobs", GOOD)
    wait_until(
        lambda: {row["box"]: row["state"] for row in live.json("ps")}.get("extra") == "running", within=60
    )
    live.cli("down", "extra")
    live.crontab("etl/jobs", GOOD + "# a comment\n")
    time.sleep(3)
    assert {row["box"]: row["state"] for row in live.json("ps")}["extra"] == "stopped"
