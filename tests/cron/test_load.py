"""Debian's cron, the parser and the linter agree on which files are loaded, and why the others are not."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from cronbox.model.crontab import Crontab, Format, parse_crontab
from cronbox.model.lint import Severity, lint
from tests.cron.files import NOBODY, files, has_a_lone_opening_quote
from tests.cron.judge import Judge, Verdict

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("judge")]

CORPUS = Path(__file__).parents[1] / "model" / "cron_corpus.json"


@dataclass(frozen=True)
class Judged:
    """Files and what cron made of them."""

    files: Mapping[str, bytes]
    format: Format
    verdict: Verdict

    @cached_property
    def crontabs(self) -> dict[str, Crontab]:
        return {name: parse_crontab(data, file=name, format=self.format) for name, data in self.files.items()}

    def has_lint_error(self, name: str) -> bool:
        problems = lint(self.crontabs[name], known_users=self.verdict.users)
        return any(problem.severity is Severity.ERROR for problem in problems)


@pytest.fixture(scope="module", params=["system", "user"])
def judged(judge: Judge, request: pytest.FixtureRequest) -> Judged:
    """The corpus and thousands of generated files, in one start of cron for those of each format."""
    format: Format = request.param
    cases = json.loads(CORPUS.read_text())["cases"]
    corpus = [base64.b64decode(case["file_b64"]) for case in cases]
    wanted = {
        "corpus": [data for data in corpus if not has_a_lone_opening_quote(data)],
        "generated": files(5000, "load") if format == "system" else files(2000, "own", NOBODY),
    }
    named = {f"{kind}-{number}": data for kind, made in wanted.items() for number, data in enumerate(made)}
    return Judged(named, format, judge.load(named, format=format))


def test_the_parser_refuses_what_cron_refuses_in_the_same_words(judged: Judged) -> None:
    users = judged.verdict.users
    different = {
        name: (judged.files[name], "cron:", logged, "cronbox:", told)
        for name, crontab in judged.crontabs.items()
        if (told := crontab.cron_error(users)) != (logged := judged.verdict.errors.get(name))
    }
    assert different == {}


def test_cron_loads_every_file_without_an_error_from_the_linter(judged: Judged) -> None:
    refused = {name: judged.files[name] for name in judged.verdict.errors if not judged.has_lint_error(name)}
    assert refused == {}


def test_both_kinds_of_files_are_many(judged: Judged) -> None:
    refused = len(judged.verdict.errors)
    assert len(judged.files) / 10 < refused < len(judged.files) * 9 / 10
    print(len(judged.files), "files,", refused, "refused")
