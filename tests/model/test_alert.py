"""What targets are told: tables of what happened and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cronbox.model.alert import (
    TONES,
    Kind,
    Ping,
    Rule,
    Standing,
    Tone,
    judge,
    judge_condition,
    ping_of,
    rule_from,
    tone_of,
)
from cronbox.model.run import Run, Status, Trigger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY = frozenset(Kind)


def a_run(status: Status, id: str = "r1") -> Run:
    return Run(id, "etl", "load", Trigger.CRON, status, scheduled_for=NOON, started_at=NOON)


def told(rule: Rule, *statuses: str) -> list[str | None]:
    """What the target is told of these runs, one after the other."""
    standing, answers = Standing(), []
    for number, status in enumerate(statuses):
        kind, standing = judge(rule, a_run(Status(status), f"r{number}"), standing)
        answers.append(kind.value if kind else None)
    return answers


@pytest.mark.parametrize(
    ("when", "after", "happened", "expected"),
    [
        (["failed"], None, "failed failed succeeded", ["failed", "failed", None]),
        (["failed", "recovered"], None, "failed succeeded succeeded", ["failed", "recovered", None]),
        (["failed", "recovered"], 2, "failed succeeded", [None, None]),
        (["failed", "recovered"], 2, "failed failed failed succeeded", [None, "failed", None, "recovered"]),
        (["failed"], 2, "failed succeeded failed failed", [None, None, None, "failed"]),
        (["failed", "timed_out"], 2, "failed timed_out", [None, "timed_out"]),
        (["failed"], 2, "failed killed skipped failed", [None, None, None, "failed"]),
        (["failed"], 2, "failed lost failed", [None, None, "failed"]),
        (["lost"], None, "failed lost missed", [None, "lost", None]),
        (["missed", "recovered"], None, "missed succeeded", ["missed", "recovered"]),
        (["success"], None, "failed succeeded", [None, "success"]),
        (
            ["success", "failed", "recovered"],
            None,
            "failed succeeded succeeded",
            ["failed", "recovered", "success"],
        ),
        (["recovered"], None, "failed succeeded", [None, None]),
        (["failed"], None, "running queued killed skipped", [None, None, None, None]),
    ],
)
def test_a_target_is_told(
    when: list[str], after: int | None, happened: str, expected: list[str | None]
) -> None:
    assert told(Rule("ops", frozenset(map(Kind, when)), after), *happened.split()) == expected


def test_a_run_that_was_lost_and_then_turns_out_to_have_failed_is_one_failure() -> None:
    rule = Rule("ops", EVERY, after=2)
    _, standing = judge(rule, a_run(Status.LOST), Standing())
    kind, standing = judge(rule, a_run(Status.FAILED), standing)
    assert (kind, standing.failures) == (None, 1)


def test_attempts_that_are_heard_of_one_by_one_are_one_failure() -> None:
    rule, retry = Rule("ops", EVERY), replace(a_run(Status.FAILED, "r2"), attempt=2, origin="r1")
    first, standing = judge(rule, a_run(Status.LOST), Standing())
    second, standing = judge(rule, retry, standing)
    assert (first, second, standing.failures) == (Kind.LOST, None, 1)


def test_a_condition_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    rule = Rule("ops", frozenset({Kind.BOX_DOWN, Kind.RECOVERED}))
    standing, answers = Standing(), []
    for holds in (False, True, True, False, False):
        kind, standing = judge_condition(rule, Kind.BOX_DOWN, standing, holds=holds)
        answers.append(kind)
    assert answers == [None, Kind.BOX_DOWN, None, Kind.RECOVERED, None]


def test_several_things_in_one_message_are_as_grave_as_the_gravest() -> None:
    assert set(TONES) == set(Kind)
    assert tone_of(["recovered", "late", "capped"]) is Tone.WARNING
    assert tone_of(["success", "failed", "late"]) is Tone.FAILURE
    assert tone_of(["capped"]) is Tone.INFO


@pytest.mark.parametrize("kind", [Kind.SLOW, Kind.LATE])
def test_the_end_of_a_slow_or_late_run_is_no_recovery(kind: Kind) -> None:
    rule = Rule("ops", EVERY)
    begun, standing = judge_condition(rule, kind, Standing(), holds=True)
    ended, standing = judge_condition(rule, kind, standing, holds=False)
    assert (begun, ended, standing) == (kind, None, Standing())


@pytest.mark.parametrize(
    ("jobs", "box", "job", "expected"),
    [
        ((), "etl", "load", True),
        (("etl",), "etl", "load", True),
        (("etl/load",), "etl", "load", True),
        (("etl/load",), "etl", "other", False),
        (("etl/load",), "etl", None, True),
        (("web",), "etl", None, False),
        (("web",), "etl", "load", False),
    ],
)
def test_a_target_is_about_the_jobs_it_names(
    jobs: tuple[str, ...], box: str, job: str | None, expected: bool
) -> None:
    assert Rule("ops", jobs=jobs).concerns(box, job) is expected


def test_a_job_s_own_choice_goes_over_that_of_the_target() -> None:
    rule = Rule("ops", jobs=("web",), named=frozenset({"etl/load"}), silent=frozenset({"web/noise"}))
    assert rule.concerns("etl", "load") and not rule.concerns("web", "noise") and rule.concerns("web", "page")


def test_a_rule_comes_back_from_json_as_it_was() -> None:
    rule = Rule("ops", EVERY, 3, ("etl",), 900.0, True, frozenset({"a/b"}), frozenset({"c/d"}))
    assert rule_from("ops", rule.as_json()) == rule


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("running", Ping.START),
        ("succeeded", Ping.SUCCESS),
        ("failed", Ping.FAIL),
        ("timed_out", Ping.FAIL),
        ("lost", Ping.FAIL),
        ("missed", Ping.FAIL),
        ("killed", None),
        ("skipped", None),
        ("queued", None),
    ],
)
def test_a_ping_says_how_a_run_stands(status: str, expected: Ping | None) -> None:
    assert ping_of(replace(a_run(Status(status)), finished_at=NOON + timedelta(seconds=1))) is expected
