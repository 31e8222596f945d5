"""The linter as a whole: what it is told, what may be silenced, what can be repaired."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.crontab import Format, parse_crontab
from cronbox.model.job import Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import BoxFacts, MountedFolder, Problem, Severity, fix, lint, lint_box
from cronbox.ops.repair import MOST_PASSES
from tests.cron.files import NOBODY, USERS, files

ENTRY = "30 6 * * 1 root /usr/bin/report"


def checked(text: str | bytes, **told: object) -> list[Problem]:
    data = text if isinstance(text, bytes) else text.encode()
    return lint(parse_crontab(data, file="crontabs/etl/reports"), **told)  # type: ignore[arg-type]


def codes(text: str | bytes, **told: object) -> list[str]:
    return [problem.code for problem in checked(text, **told)]


def test_a_problem_prints_as_file_line_column_code_message() -> None:
    (problem,) = checked(f"# weekly\n{ENTRY} +%F\n")
    assert str(problem).startswith("crontabs/etl/reports:2:34 CB402 cron ends the command")
    assert problem.severity is Severity.WARNING


def test_a_directive_silences_a_rule_for_the_line_below_it_only() -> None:
    text = f"# cronbox: ignore=CB402\n{ENTRY} %a\n{ENTRY} %b\n"
    assert [(problem.code, problem.line) for problem in checked(text)] == [("CB402", 3)]


def test_an_environment_line_can_have_a_rule_silenced_too() -> None:
    assert codes(f"# cronbox: ignore=CB209\nMAILTO=a@b\n{ENTRY}\n") == []


def test_rules_are_selected_and_ignored_by_code_or_its_beginning() -> None:
    text = f"MAILTO=a@b\n{ENTRY} %a\n"
    assert codes(text) == ["CB209", "CB402"]
    assert codes(text, select=frozenset({"CB4"})) == ["CB402"]
    assert codes(text, ignore=frozenset({"CB402"})) == ["CB209"]


def test_without_known_users_any_plausible_one_will_do() -> None:
    assert codes("30 6 * * 1 nobody-knows /usr/bin/report\n") == []
    assert codes("30 6 * * 1 nobody-knows /usr/bin/report\n", known_users=frozenset({"root"})) == ["CB113"]


def test_rules_about_clock_changes_need_a_zone() -> None:
    assert codes("30 2 * * 0 root /usr/bin/report\n") == []
    assert codes("30 2 * * 0 root /usr/bin/report\n", zone=ZoneInfo("Europe/Berlin")) == ["CB309", "CB310"]
    assert codes("30 2 * * 0 root /usr/bin/report\n", zone=ZoneInfo("Asia/Tokyo")) == []


@pytest.mark.parametrize(
    ("broken", "repaired"),
    [
        (ENTRY, f"{ENTRY}\n"),
        (f"\ufeff{ENTRY}\r\n\r\n# é\r\n", f"{ENTRY}\n\n# é\n"),
        (f"# é\n  A= \n{ENTRY}\n", f'# é\n  A= ""\n{ENTRY}\n'),
        (f"export A=b\n{ENTRY}\n", f"A=b\n{ENTRY}\n"),
        ("@Daily root /usr/bin/report\n", "@daily root /usr/bin/report\n"),
    ],
)
def test_what_can_only_mean_one_thing_is_repaired(broken: str, repaired: str) -> None:
    data = broken.encode()
    while any(problem.fixes for problem in checked(data)):
        data = fix(data, checked(data))
    assert data.decode() == repaired
    assert codes(data) == []


@pytest.mark.parametrize(("format", "users"), [("system", USERS), ("user", NOBODY)])
def test_repairs_come_to_an_end_with_nothing_left_to_repair(format: Format, users: Sequence[str]) -> None:
    for data in files(500, "repairs", users):
        crontab = parse_crontab(repaired(data, format), file="x", format=format)
        assert not any(problem.fixes for problem in lint(crontab))


def repaired(data: bytes, format: Format) -> bytes:
    for _ in range(MOST_PASSES):
        data = fix(data, lint(parse_crontab(data, file="x", format=format)))
    return data


@pytest.mark.parametrize("keyword", ["@daily*", "@Daily*", "@dayly", "@DAILYX"])
def test_a_keyword_that_capitals_are_not_the_mistake_of_is_left_to_the_person(keyword: str) -> None:
    [problem] = checked(f"{keyword} root /usr/bin/report\n", select=frozenset({"CB111"}))
    assert problem.fixes == ()


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/report --out=/tmp/a,b --when 6:30",
        "python3 /scripts/load.py && /usr/bin/report",
        "python3 -m reports.weekly",
        "cd /srv/app && ./run.sh",
        "wget -q -O /data/x https://example.org/a/b",
        'test -e "/data/a b" || exit 0',
        "/usr/bin/report 2>&1 | tail -n 5",
        "date +\\%F >/data/stamp",
        "/usr/bin/report 2>/dev/null",
    ],
)
def test_an_ordinary_command_gets_no_finding(command: str) -> None:
    assert codes(f"30 6 * * 1 root {command}\n") == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("python3 load.py", "CB404"),
        ("python3 scripts/load.py", "CB404"),
        ("nice ../run.sh", "CB404"),
        ("/usr/bin/flock /run/x /usr/bin/report", "CB409"),
        ("/usr/bin/report &>/data/out", "CB412"),
        ("diff <(sort /a) /b", "CB412"),
        ("/usr/bin/report >& /dev/null", "CB408"),
    ],
)
def test_a_command_that_will_not_do_what_it_seems_to_gets_a_finding(command: str, code: str) -> None:
    assert code in codes(f"30 6 * * 1 root {command}\n")


@pytest.mark.parametrize("command", ["python3 /scripts/load.py%ids", "/scripts/load.py%./x %flock y"])
def test_what_a_percent_sign_feeds_to_a_command_is_no_part_of_it(command: str) -> None:
    facts = BoxFacts(mounts=(MountedFolder("/scripts", frozenset({"/scripts/load.py"})),))
    crontab = parse_crontab(f"30 6 * * 1 root {command}\n".encode(), file="jobs")
    assert {problem.code for problem in lint_box([crontab], facts=facts)} <= {"CB402", "CB407"}


def test_the_files_of_a_box_are_checked_together() -> None:
    texts = {"a": f"# cronbox: name=x\n{ENTRY}\n", "b": f"# cronbox: name=x\n{ENTRY}\n"}
    files = [parse_crontab(text.encode(), file=name) for name, text in texts.items()]
    assert [str(problem).split()[0] + " " + problem.code for problem in lint_box(files)] == [
        "b:1:12 CB602",
        "b:2:1 CB601",
    ]


def test_a_job_that_overruns_is_known_by_its_command_where_it_has_no_name() -> None:
    text = "*/10 * * * * root /usr/bin/report --daily\n*/10 * * * * root /usr/bin/report --weekly\n"
    crontab = parse_crontab(text.encode(), file="reports")
    [first, _] = jobs_of([crontab], box="etl", defaults=Policy())
    problems = lint_box([crontab], facts=BoxFacts(typical_seconds={first.name: 900}))
    assert [(problem.code, problem.line) for problem in problems] == [("CB604", 1)]
