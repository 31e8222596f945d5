"""A hundred jobs of one minute: the CPU that each scheduler uses in it, by its container's cgroup.

Minutes are real, and crond is Debian's. The schedulers stand in containers of one image and take turns, so
that none is measured while another starts its jobs; a round has four minutes:

    0  bare cron has its hundred jobs
    1  cronbox has its hundred jobs
    2  cronstable has its hundred jobs; bare cron and cronbox have one job each
    3  yacron has its hundred jobs; bare cron and cronbox have nothing to do

A full minute counts whole, with what the scheduler uses when idle (cronbox's tick too). A job alone counts
without: the minute with one job less the minute with none.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Skip
from benchmarks.cpu import cgroup_clock, cpu_of_cgroup
from benchmarks.neighbours import NEIGHBOURS, all_started
from tests.project import Project

JOBS = 100
BARE, BOX = "bare cron", "cronbox"
FULL = {BARE: 0, BOX: 1, NEIGHBOURS[0]: 2, NEIGHBOURS[1]: 3}
LONE, IDLE, TURNS = 2, 3, 4
LEAD_S = 110
"""From the plan to the first turn: installing, and crond's next look at its files."""
BEFORE_S, AFTER_S = 3, 45
"""A minute is measured from so long before its second 0 to so long after."""
LEAST_CPU_S = 0.0002
"""No shell starts and ends in less; what shows less has not started its jobs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The minutes to come: `first` is the epoch second at which the first turn begins."""

    first: int
    rounds: int

    def minutes(self, turn: int) -> str:
        """The minute field of a crontab for this turn of every round."""
        starts = (self.first + 60 * (turn + TURNS * round_) for round_ in range(self.rounds))
        return ",".join(str(start // 60 % 60) for start in starts)


@dataclass(frozen=True, slots=True)
class Minutes:
    """Median CPU in milliseconds: of a full minute by scheduler; of a job alone and of an idle minute."""

    full: Mapping[str, float]
    lone: Mapping[str, float]
    idle: Mapping[str, float]


def full_minutes(bench: Bench, project: Project, box: str) -> Minutes:
    """Let all schedulers have their turns. Raises Skip, or NotLocal."""
    plan = Plan((int(time.time()) + LEAD_S) // 60 * 60 + 60, bench.times(3, 1))
    image = project.box(box).attrs["Image"]
    containers = {
        BARE: _bare_cron(bench, image, plan),
        **_neighbours(bench, image, plan),
        BOX: _box(project, box, plan),
    }
    clocks = {name: cgroup_clock(_pid(container)) for name, container in containers.items()}
    if time.time() > plan.first - BEFORE_S:
        raise Skip("setting up took longer than the minute that was planned for it")
    used = [_one_minute(bench, plan.first + 60 * number, clocks) for number in range(plan.rounds * TURNS)]
    _all_ran(project, box, plan.rounds)
    return _medians(used)


def _crontab(plan: Plan, *, named: bool) -> str:
    """A hundred jobs for the turn of bare cron or, with names for cronbox, for cronbox's; and one alone."""
    minutes = plan.minutes(FULL[BOX if named else BARE])
    jobs = [(f"job-{number}", minutes) for number in range(JOBS)] + [("alone", plan.minutes(LONE))]
    name = "# cronbox: name={}\n" if named else ""
    return "".join(f"{name.format(job)}{when} * * * * root true\n" for job, when in jobs)


def _bare_cron(bench: Bench, image: str, plan: Plan) -> Any:
    script = 'printf %s "$CRONTAB" >/etc/cron.d/bench && exec cron -f'
    container = bench.container(
        "cron", image, ["sh", "-c", script], environment={"CRONTAB": _crontab(plan, named=False)}
    )
    container.start()
    return container


def _box(project: Project, box: str, plan: Plan) -> Any:
    project.crontab(f"{box}/full", _crontab(plan, named=True))
    project.cli("up", box)
    return project.box(box)


def _neighbours(bench: Bench, image: str, plan: Plan) -> dict[str, Any]:
    return all_started(bench, image, [plan.minutes(FULL[name]) for name in NEIGHBOURS], JOBS)


def _pid(container: Any) -> int:
    container.reload()
    if container.status != "running":
        raise Skip(f"{container.name} is {container.status}: {container.logs(tail=3).decode()}")
    return int(container.attrs["State"]["Pid"])


def _one_minute(bench: Bench, start: int, clocks: Mapping[str, Path]) -> dict[str, float]:
    """Seconds of CPU that each used in the minute that begins at `start`."""
    _sleep_until(start - BEFORE_S)
    before = {name: cpu_of_cgroup(clock) for name, clock in clocks.items()}
    _sleep_until(start + AFTER_S)
    used = {name: cpu_of_cgroup(clock) - before[name] for name, clock in clocks.items()}
    bench.say("minute: " + ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in used.items()))
    return used


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def _all_ran(project: Project, box: str, rounds: int) -> None:
    ended = sum(event["type"] == "finished" and event["job"].startswith("job-") for event in project.log(box))
    if ended != JOBS * rounds:
        raise Skip(f"{ended} runs in the box instead of {JOBS * rounds}")


def _medians(used: list[dict[str, float]]) -> Minutes:
    def median(name: str, turn: int) -> float:
        return statistics.median(minute[name] for minute in used[turn::TURNS]) * 1e3

    full = {name: median(name, FULL[name]) for name in used[0]}
    if idlers := [name for name, cpu in full.items() if cpu < JOBS * LEAST_CPU_S * 1e3]:
        raise Skip(f"{', '.join(idlers)} started no jobs")
    idle = {name: median(name, IDLE) for name in (BARE, BOX)}
    return Minutes(full, {name: median(name, LONE) - idle[name] for name in idle}, idle)
