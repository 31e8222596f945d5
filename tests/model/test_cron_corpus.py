"""What the real daemon said of 207 files (Debian cron 3.0pl1-162, amd64) is what we say."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.lint import Severity, lint
from cronbox.model.schedule import fires

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "cron_corpus.json").read_text())["cases"]
EXPANDED = [case for case in CASES if "minute" in case]
USERS = frozenset({"root", "daemon", "www-data"})
START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = datetime(2034, 1, 1, tzinfo=UTC)
"""The daemon was watched for some years only, so a list of fires may be short."""
all_cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
expanded_cases = pytest.mark.parametrize("case", EXPANDED, ids=lambda case: case["name"])


def crontab(case: dict[str, Any]) -> Crontab:
    return parse_crontab(base64.b64decode(case["file_b64"]), file="case")


@all_cases
def test_a_file_is_refused_with_the_error_that_cron_logs(case: dict[str, Any]) -> None:
    logged = case["error"]
    if logged and logged.startswith("ERROR ("):
        logged = logged.removeprefix("ERROR (").split(", this crontab")[0]
    assert crontab(case).cron_error(USERS) == logged


@all_cases
def test_the_linter_has_an_error_for_every_file_that_cron_refuses(case: dict[str, Any]) -> None:
    errors = [
        problem for problem in lint(crontab(case), known_users=USERS) if problem.severity is Severity.ERROR
    ]
    assert errors or case["accepted"]


@all_cases
def test_a_file_is_rendered_byte_for_byte(case: dict[str, Any]) -> None:
    assert crontab(case).render() == base64.b64decode(case["file_b64"])


@expanded_cases
def test_the_fields_expand_to_the_sets_that_cron_has(case: dict[str, Any]) -> None:
    schedule = next(crontab(case).entries).schedule
    assert sorted(schedule.minutes) == case["minute"]
    assert sorted(schedule.hours) == case["hour"]
    assert sorted(schedule.days) == case["dom"]
    assert sorted(schedule.months) == case["month"]
    assert schedule.weekdays == {day % 7 for day in case["dow"]}


@expanded_cases
def test_the_star_flags_are_those_that_cron_has(case: dict[str, Any]) -> None:
    schedule = next(crontab(case).entries).schedule
    assert schedule.days_starred == ("dom" in case["star"])
    assert schedule.weekdays_starred == ("dow" in case["star"])
    assert schedule.wildcard == bool({"minute", "hour"} & set(case["star"]))


@expanded_cases
def test_the_next_five_fires_are_those_that_cron_makes(case: dict[str, Any]) -> None:
    schedule = next(crontab(case).entries).schedule
    fired = [datetime.fromisoformat(text) for text in case["next_utc_from_2026_01_01"]]
    found = list(islice(fires(schedule, ZoneInfo("UTC"), START), 5))
    assert [at for at in found if at < HORIZON or at in fired] == fired
