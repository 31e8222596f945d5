"""A box's whole life at random: crashes, restarts, edits, pauses and persons at any moment. What holds in
`test_policies` must hold here, and every event must be one that the store accepts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from cronbox.agent.table import Catchup, Job, Retries
from cronbox.model.event import Event, parse_time
from cronbox.model.run import RUN_EVENTS, Run, Status, Trigger, apply, lost
from tests.agent.builders import a_job
from tests.agent.life import Life
from tests.agent.test_policies import check_ends, check_laws

NAMES = ("extract", "load", "tidy")


@pytest.fixture(autouse=True, scope="module")
def box_time_zone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def jobs() -> st.SearchStrategy[tuple[Job, ...]]:
    """Three jobs with any policies; `after` names only an earlier one."""
    own = st.fixed_dictionaries(
        {
            "overlap": st.sampled_from(["skip", "allow", "queue", "replace"]),
            "group": st.sampled_from([None, "dw"]),
            "retries": st.sampled_from([Retries(), Retries(1, 0.0), Retries(2)]),
            "catchup": st.sampled_from([Catchup(), Catchup("latest"), Catchup("all", limit=4)]),
            "delay": st.sampled_from([0.0, 90.0]),
            "timeout": st.sampled_from([None, 100.0]),
            "paused": st.sampled_from([False, False, False, True]),
        }
    )

    def made(policies: list[dict[str, Any]], after: list[bool]) -> tuple[Job, ...]:
        waits = [
            ("extract",) if wanted and name != "extract" else ()
            for name, wanted in zip(NAMES, after, strict=True)
        ]
        return tuple(
            a_job(name, times="* * * * *", after=names, **policy)
            for name, names, policy in zip(NAMES, waits, policies, strict=True)
        )

    return st.builds(
        made, st.lists(own, min_size=3, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3)
    )


TABLES = st.fixed_dictionaries(
    {"max_running": st.sampled_from([None, 1, 2]), "groups": st.sampled_from([{}, {"dw": 1}])}
)


class AnyLife(RuleBasedStateMachine):
    asked: Bundle[str] = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.box = Life(*[a_job(name, times="* * * * *") for name in NAMES])
        self.rows: dict[str, Run] = {}
        self.read = 0
        self.commands = 0

    @rule(jobs=jobs(), table=TABLES)
    def another_crontab(self, jobs: tuple[Job, ...], table: dict[str, Any]) -> None:
        self.box.load(*jobs, **table)

    @rule(gone=st.sampled_from(NAMES))
    def a_job_leaves(self, gone: str) -> None:
        left = [job for job in self.box.table.jobs.values() if job.name != gone]
        self.box.load(*left, max_running=self.box.table.max_running, groups=self.box.table.groups)

    @rule(names=st.permutations(NAMES))
    def a_minute(self, names: list[str]) -> None:
        self.box.pass_time(60)
        self.box.carry_out(self.box.core.tick("d1", self.box.now))
        self.box.due(*names)

    @rule(seconds=st.sampled_from([1, 30, 100, 1000, 5000]))
    def time_passes(self, seconds: int) -> None:
        self.box.pass_time(seconds)

    @rule(seconds=st.sampled_from([-7200, -60, 120, 7200, 20_000]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.box.set_clock(self.box.now.wall + seconds)

    @precondition(lambda self: self.box.running)
    @rule(which=st.integers(0, 9), code=st.sampled_from([0, 0, 1, 75, None]))
    def a_run_ends(self, which: int, code: int | None) -> None:
        runs = list(self.box.running)
        self.box.end(runs[which % len(runs)], code)

    @rule(target=asked, job=st.sampled_from(NAMES), patient=st.booleans())
    def a_person_runs(self, job: str, patient: bool) -> str:
        self.commands += 1
        run = f"asked-{self.commands}"
        self.box.command("run", run=run, job=job, patient=patient)
        return run

    @rule(run=asked)
    def a_command_comes_twice(self, run: str) -> None:
        before = len(self.box.events)
        if run in self.box.core._asked:
            self.box.command("run", run=run, job="load")
            assert len(self.box.events) == before

    @rule(which=st.integers(0, 9))
    def a_person_kills(self, which: int) -> None:
        runs = [*self.box.running, *(waiting.request.run for waiting in self.box.core.waiting())]
        if runs:
            self.box.command("kill", run=runs[which % len(runs)], by="ann")

    @rule(job=st.sampled_from([*NAMES, None]))
    def a_person_pauses(self, job: str | None) -> None:
        if job is None or job in self.box.table.jobs:
            self.box.command("pause", job=job, until=None, why="w", by="ann")

    @rule(job=st.sampled_from([*NAMES, None]))
    def a_person_resumes(self, job: str | None) -> None:
        if job is None or job in self.box.table.jobs:
            self.box.command("resume", job=job, by="ann")

    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.box.take_snapshot()

    @rule(away=st.sampled_from([0, 1, 90, 4000, 100_000]), anew=st.booleans())
    def everything_dies(self, away: int, anew: bool) -> None:
        self.box.crash(float(away), anew=anew)

    @rule(away=st.sampled_from([0, 90, 4000]))
    def the_box_is_restarted(self, away: int) -> None:
        self.box.terminate()
        self.box.pass_time(40)
        for run in list(self.box.running):
            self.box.end(run, code=None)
        assert self.box.over, "the agent did not quit"
        self.box.crash(float(away))

    @invariant()
    def the_laws_hold(self) -> None:
        check_laws(self.box)

    @invariant()
    def the_store_accepts_every_event(self) -> None:
        """An event that is impossible for its run raises here. A boot closes what is open, as in ingest."""
        for raw in self.box.events[self.read :]:
            event = Event(raw["seq"], parse_time(raw["t"]), raw["type"], raw)
            if event.type == "boot":
                self._lose_open(event.t)
            elif event.type in RUN_EVENTS:
                run = raw["run"]
                self.rows[run] = apply(self.rows.get(run), event, box="etl", release=1, boot_id="b")
        self.read = len(self.box.events)
        open_rows = {run.id for run in self.rows.values() if run.status.is_open}
        assert open_rows == self.box.core.history.open.keys(), "the history is not what the log says"

    def _lose_open(self, at: datetime) -> None:
        for run in self.rows.values():
            if run.status.is_open:
                self.rows[run.id] = lost(run, at=at, reason="the box stopped")

    def teardown(self) -> None:
        """When nothing is held back any more, everybody in line gets a turn."""
        self.box.load(*[job._replace(paused=False, timeout=None) for job in self.box.table.jobs.values()])
        for job in [None, *self.box.core.history.pauses.copy()]:
            self.box.command("resume", job=job or None, by="ann")
        for _ in range(60):
            for run in list(self.box.running):
                self.box.end(run, code=0)
            self.box.pass_time(4000)
        assert self.box.waits() == [], "somebody was forgotten"
        check_ends(self.box)
        seats = [
            (run.job, run.scheduled_for, run.occurrence, run.attempt)
            for run in self.rows.values()
            if run.trigger is Trigger.CATCHUP and run.status is not Status.SKIPPED
        ]
        assert len(seats) == len(set(seats)), "a slot was caught up with twice"


AnyLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyLife = pytest.mark.slow(AnyLife.TestCase)
