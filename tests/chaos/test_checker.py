"""The checker finds what must not be: each planted fault is told by its rule, and a true history by none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cronbox.model.event import format_time
from cronbox.model.run import Run, Status, Trigger
from tests.chaos.checker import check
from tests.chaos.plan import EVERY_MINUTE, VOLATILE, Job, Kind, Overlap
from tests.chaos.truth import Done, Fired, History, Mark, Told

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SLOTS = (NOON, NOON + timedelta(minutes=1))
JOBS = (
    Job("each", 1, lines=2, minutes=EVERY_MINUTE, overlap=Overlap.SKIP),
    Job("fired", 1, lines=0, retries=1),
)
DEATH = Done(Kind.BOX_KILLED, "ant", 300.0, 305.0)


def a_run(number: int, status: Status = Status.SUCCEEDED, **more: object) -> Run:
    """Run `number` of the job `each`, for the slot of that number."""
    code = {Status.SUCCEEDED: 0, Status.FAILED: 1}.get(status)
    known = {
        "scheduled_for": SLOTS[number % 2],
        "exit_code": code,
        "trigger": Trigger.CRON,
        "attempt": 1,
    } | more
    id = str(known.pop("id", f"r{number}"))
    return Run(id=id, box="ant", job=str(known.pop("job", "each")), status=status, **known)  # type: ignore[arg-type]


def marks_of(run: Run, at: float, *, told: float | None = None, ended: float | None = None) -> list[Mark]:
    slot = format_time(run.scheduled_for) if run.scheduled_for else None
    begun = Mark("begun", run.id, run.job, run.attempt, run.trigger.value, slot, at)
    found = [begun]
    if told is not None:
        found.append(replace(begun, what="told", at=told))
    if ended is not None:
        found.append(replace(begun, what="ended", at=ended, code=run.exit_code))
    return found


def a_history() -> History:
    """Two slots, two runs, all as it should be."""
    runs = (a_run(0), a_run(1))
    return History(
        jobs={"ant": JOBS},
        slots=SLOTS,
        marks={"ant": [*marks_of(runs[0], 100, ended=101), *marks_of(runs[1], 160, ended=161)]},
        runs=runs,
        output={run.id: [f"{run.id} 1", f"{run.id} 2"] for run in runs},
        log={"ant": [1, 2, 3]},
    )


def with_runs(history: History, *runs: Run) -> History:
    return replace(history, runs=runs)


def with_marks(history: History, *marks: list[Mark]) -> History:
    return replace(history, marks={"ant": [mark for each in marks for mark in each]})


def dead(history: History) -> History:
    return replace(history, deaths={"ant": (DEATH,)})


def test_a_true_history_is_good() -> None:
    assert check(a_history()) == []


def test_a_run_that_its_box_took_along_is_good() -> None:
    history = dead(with_runs(a_history(), a_run(0), a_run(1, Status.LOST)))
    marks = [marks_of(history.runs[0], 100, ended=101), marks_of(history.runs[1], 299)]
    assert check(with_marks(history, *marks)) == []


def test_what_is_missed_while_the_box_was_frozen_is_good() -> None:
    frozen = Done(Kind.BOX_FROZEN, "ant", 155.0, 165.0)
    history = replace(missed_in_a_sound_box(a_history()), freezes={"ant": (frozen,)})
    assert check(history) == []


def test_a_run_that_is_told_to_end_while_it_ends_by_itself_is_good() -> None:
    killed = a_run(1, Status.KILLED, exit_code=0, duration_s=1.1)
    assert check(with_runs(a_history(), a_run(0), killed)) == []
    late = replace(killed, duration_s=5.0)
    assert {finding.rule for finding in check(with_runs(a_history(), a_run(0), late))} == {"untrue"}


def test_a_run_that_its_box_cut_off_when_it_stopped_may_have_another_attempt() -> None:
    assert check(dead(an_attempt_after_a_kill(a_history()))) == []


def test_an_edit_at_the_beginning_of_a_minute_may_count_or_not() -> None:
    history = an_edit_that_hid_a_slot(a_history())
    told = [*history.told["ant"][:-1], Told("loaded", SLOTS[1] + timedelta(seconds=1), jobs=len(JOBS) + 1)]
    assert check(replace(history, told={"ant": told})) == []


def test_a_run_that_began_as_its_box_was_killed_may_be_unknown_but_not_one_that_began_before() -> None:
    first = a_run(0)
    for begun, rules in ((299.9, set()), (290.0, {"missing", "invented"})):
        history = dead(with_runs(a_history(), first, replace(a_run(1, Status.MISSED), id="m1")))
        history = with_marks(history, marks_of(first, 100, ended=101), marks_of(a_run(1), begun))
        assert {finding.rule for finding in check(history)} == rules


def no_row(history: History) -> History:
    return replace(with_runs(history, a_run(0)), slots=SLOTS[:1])


def another_job(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, job="fired"), a_run(3, Status.SKIPPED))


def two_rows(history: History) -> History:
    return with_runs(history, *history.runs, replace(a_run(1), id="r9", status=Status.SKIPPED))


def began_twice(history: History) -> History:
    return replace(history, marks={"ant": [*history.marks["ant"], history.marks["ant"][0]]})


def still_running(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, Status.RUNNING))


def never_began(history: History) -> History:
    return with_marks(history, marks_of(history.runs[0], 100, ended=101))


def missed_though_it_ran(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, Status.MISSED))


def another_code(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, Status.FAILED))


def killed_by_nobody(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, Status.KILLED))


def lost_in_a_box_that_lives(history: History) -> History:
    return with_runs(history, a_run(0), a_run(1, Status.LOST))


def lost_long_after_its_end(history: History) -> History:
    return dead(with_runs(history, a_run(0), a_run(1, Status.LOST)))


def side_by_side(history: History) -> History:
    return with_marks(
        history, marks_of(history.runs[0], 100, ended=161), marks_of(history.runs[1], 160, ended=162)
    )


def one_attempt_too_many(history: History) -> History:
    first = a_run(4, Status.FAILED, job="fired", scheduled_for=None)
    further = [replace(first, id=f"r{4 + n}", attempt=1 + n, origin="r4") for n in (1, 2)]
    marks = [marks_of(run, 200 + 2 * at, ended=201 + 2 * at) for at, run in enumerate([first, *further])]
    history = with_runs(history, *history.runs, first, *further)
    return replace(history, marks={"ant": [*history.marks["ant"], *(m for each in marks for m in each)]})


def an_attempt_after_a_kill(history: History) -> History:
    first = a_run(4, Status.KILLED, job="fired", scheduled_for=None)
    again = replace(first, id="r5", attempt=2, origin="r4", status=Status.FAILED, exit_code=1)
    marks = [*marks_of(first, 300, told=301), *marks_of(again, 310, ended=311)]
    history = with_runs(history, *history.runs, first, again)
    return replace(history, marks={"ant": [*history.marks["ant"], *marks]})


def set_off_in_vain(history: History) -> History:
    return replace(history, fired=(Fired("ant", "fired", 100, sure=True),))


def no_row_for_a_slot(history: History) -> History:
    return replace(history, slots=(*SLOTS, NOON + timedelta(minutes=2)))


def a_slot_of_no_schedule(history: History) -> History:
    odd = NOON + timedelta(seconds=30)
    return with_runs(history, *history.runs, a_run(3, Status.MISSED, scheduled_for=odd))


def a_line_is_gone(history: History) -> History:
    return replace(history, output=history.output | {"r1": ["r1 2"]})


def an_event_is_gone(history: History) -> History:
    return replace(history, log={"ant": [1, 3]})


def in_a_sound_box(history: History) -> History:
    """cron lives, with a crontab of as many jobs as there are, from before the first slot on."""
    early = NOON - timedelta(minutes=1)
    told = [Told("boot", early), Told("loaded", early, jobs=len(JOBS)), Told("cron_started", early)]
    return replace(history, told={"ant": told}, booted_at=NOON - timedelta(seconds=100))


def missed_in_a_sound_box(history: History) -> History:
    return in_a_sound_box(missed_and_did_not_run(history))


def missed_and_did_not_run(history: History) -> History:
    history = with_runs(history, a_run(0), a_run(1, Status.MISSED))
    return with_marks(history, marks_of(history.runs[0], 100, ended=101))


def not_made_up_for(history: History) -> History:
    back = SLOTS[1] + timedelta(seconds=30)
    history = missed_and_did_not_run(history)
    jobs = (replace(JOBS[0], keys="catchup=all"), JOBS[1])
    told = [Told("boot", back), Told("loaded", back, jobs=len(JOBS)), Told("cron_started", back)]
    return replace(history, jobs={"ant": jobs}, told={"ant": told})


def skipped_for_one_that_was_over(history: History) -> History:
    history = in_a_sound_box(history)
    skipped = a_run(1, Status.SKIPPED, reason="overlap: run r0 is still running")
    return with_marks(with_runs(history, a_run(0), skipped), marks_of(history.runs[0], 100, ended=101))


def an_edit_that_hid_a_slot(history: History) -> History:
    """The edited crontab had one job more, and one slot."""
    history = in_a_sound_box(history)
    told = [*history.told["ant"], Told("loaded", NOON + timedelta(seconds=30), jobs=len(JOBS) + 1)]
    return replace(history, told={"ant": told}, edited={"ant": (VOLATILE,)})


def an_edit_that_invented_a_slot(history: History) -> History:
    history = an_edit_that_hid_a_slot(history)
    runs = [a_run(n, Status.MISSED, id=f"v{n}", job=VOLATILE.name) for n in (0, 1)]
    return with_runs(history, *history.runs, *runs)


PLANTED: list[tuple[Callable[[History], History], str]] = [
    (no_row, "missing"),
    (another_job, "different"),
    (two_rows, "doubled"),
    (began_twice, "doubled"),
    (still_running, "open"),
    (never_began, "untrue"),
    (missed_though_it_ran, "untrue"),
    (missed_though_it_ran, "invented"),
    (another_code, "untrue"),
    (killed_by_nobody, "untrue"),
    (lost_in_a_box_that_lives, "untrue"),
    (lost_long_after_its_end, "untrue"),
    (side_by_side, "overlap"),
    (one_attempt_too_many, "retries"),
    (an_attempt_after_a_kill, "retries"),
    (set_off_in_vain, "firings"),
    (no_row_for_a_slot, "unaccounted"),
    (a_slot_of_no_schedule, "invented"),
    (missed_in_a_sound_box, "unexplained"),
    (not_made_up_for, "catchup"),
    (skipped_for_one_that_was_over, "untrue"),
    (an_edit_that_hid_a_slot, "unaccounted"),
    (an_edit_that_invented_a_slot, "invented"),
    (a_line_is_gone, "output"),
    (an_event_is_gone, "log"),
]


@pytest.mark.parametrize(
    ("plant", "rule"), PLANTED, ids=[f"{plant.__name__}-{rule}" for plant, rule in PLANTED]
)
def test_what_must_not_be_is_found(plant: Callable[[History], History], rule: str) -> None:
    assert rule in {finding.rule for finding in check(plant(a_history()))}


def test_where_a_clock_was_set_a_slot_may_have_two_rows_that_an_occurrence_tells_apart() -> None:
    twice = replace(a_run(3, Status.SKIPPED, scheduled_for=SLOTS[1]), occurrence=2)
    history = with_runs(a_history(), *a_history().runs, twice)
    assert {finding.rule for finding in check(history)} == {"doubled"}
    assert check(replace(history, bent=frozenset({"ant"}))) == []
