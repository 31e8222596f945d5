"""A run that is told to end takes all with it that it has started, wherever that has gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cronbox.agent.processes import NAMED, Process, family, names
from cronbox.agent.scout import sighting
from tests.agent.builders import Box, an_entry

AGENT, RUN = 1, 10


def table(*rows: tuple[int, int, int]) -> dict[int, Process]:
    """(pid, parent, session) of live processes; the agent is among them."""
    every = ((AGENT, 0, AGENT), *rows)
    return {pid: Process(pid, "sh", "S", parent, session) for pid, parent, session in every}


def test_a_family_is_its_session_and_all_descendants() -> None:
    processes = table((RUN, AGENT, RUN), (11, RUN, RUN), (12, 11, 12), (13, 12, 13), (20, AGENT, 20))
    assert set(family(processes, RUN, (), AGENT)) == {RUN, 11, 12, 13}


def test_whoever_shares_a_session_with_one_of_the_family_is_of_it() -> None:
    processes = table((11, AGENT, 30), (12, AGENT, 30), (13, 12, 13))
    assert set(family(processes, RUN, (11,), AGENT)) == {11, 12, 13}


def test_the_agent_its_crew_and_what_came_from_outside_are_nobodys_family() -> None:
    processes = table((RUN, AGENT, RUN), (11, RUN, 0), (20, 0, 0), (21, AGENT, AGENT), (22, RUN, AGENT))
    assert set(family(processes, RUN, (AGENT,), AGENT)) == {RUN, 11, 22}


def test_a_scout_that_died_is_not_sure_that_nobody_is_there() -> None:
    assert not sighting(b"").sure
    assert sighting(b".") == (frozenset(), True)
    assert sighting(b"7 8 .") == (frozenset({7, 8}), True)


def test_of_a_crowd_the_first_few_are_named() -> None:
    crowd = [Process(pid, "sh", "S", 1, 1) for pid in range(NAMED + 5)]
    assert names(crowd[:2]) == "sh (0), sh (1)"
    assert names(crowd).endswith(f"sh ({NAMED - 1}) and 5 more")


DEAF = "trap '' TERM; echo $$; while :; do sleep 0.2; done"
"""A script that does not hear SIGTERM and says who it is; it stands beside the job's as `deaf`."""
ESCAPES = {
    "its own session": "setsid -f sh deaf",
    "nohup in the background": "nohup sh deaf &",
    "twice forked, in a session of its own": "setsid -f setsid -f sh deaf",
    "an empty environment": "env -i sh deaf &",
    "an empty environment, twice forked, in a session of its own": "env -i setsid -f sh deaf",
}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def escaped(box: Box, command: str, user: str) -> tuple[int, str]:
    """Let a run that deals so time out -> the pid that it printed, and the reason of its end."""
    folder = Path(box.paths.root)
    (folder / "deaf").write_text(DEAF)
    (folder / "job").write_text(f"{command}\nsleep 1000\n")
    open_to_all(box)
    job = an_entry("hang", "exec sh job", user=user, timeout=1.0, kill_after=0.5, workdir=str(folder))
    box.install(job)
    box.start()
    box.say("hang")
    end = box.finished("hang")
    assert end["status"] == "timed_out"
    return next(int(text) for _, text in box.printed(end["run"]) if text.isdigit()), end["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("user", ["nobody", "root"])
@pytest.mark.parametrize("command", ESCAPES.values(), ids=ESCAPES)
def test_nothing_that_a_run_has_started_outlives_its_timeout(box: Box, command: str, user: str) -> None:
    pid, reason = escaped(box, command, user)
    assert not alive(pid)
    assert f"sh ({pid})" in reason


@pytest.mark.slow
def test_what_root_has_started_as_another_user_does_not_outlive_it_either(box: Box) -> None:
    user = "setpriv --reuid=games --regid=games --clear-groups"
    pid, reason = escaped(box, f"setsid -f {user} sh deaf", "root")
    assert not alive(pid)
    assert f"sh ({pid})" in reason


@pytest.mark.slow
def test_a_run_says_which_processes_sigterm_did_not_end(box: Box) -> None:
    box.install(an_entry("hang", "trap '' TERM; sleep 1000; sleep 1001", timeout=0.5, kill_after=0.5))
    box.start()
    box.say("hang")
    shell = box.wait_event("started")["pid"]
    end = box.finished("hang")
    assert end["reason"].startswith("timeout after 0.5 s; had to be killed: ")
    assert f"sh ({shell})" in end["reason"] and "sleep (" in end["reason"]


@pytest.mark.slow
def test_a_run_that_heeds_sigterm_had_nobody_killed(box: Box) -> None:
    box.install(an_entry("hang", "sleep 1000", timeout=0.5))
    box.start()
    box.say("hang")
    assert box.finished("hang")["reason"] == "timeout after 0.5 s"


@pytest.mark.slow
def test_the_hunt_for_one_run_leaves_another_of_the_same_user_alone(box: Box) -> None:
    box.install(
        an_entry("hang", "trap '' TERM; sleep 1000; sleep 1001", user="nobody", timeout=0.5, kill_after=0.5),
        an_entry("calm", "sleep 3 | cat; echo done", user="nobody"),
    )
    box.start()
    box.say("calm hang")
    box.finished("hang")
    assert box.finished("calm")["status"] == "succeeded"


def open_to_all(box: Box) -> None:
    """Every user may reach the files in the box's folder."""
    for folder in (Path(box.paths.root), *Path(box.paths.root).parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
