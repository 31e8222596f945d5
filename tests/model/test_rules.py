"""Every rule has a page, and the page's examples are true."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cronbox.model.crontab import parse_crontab
from cronbox.model.lint import RULES, BoxFacts, MountedFolder, Problem, lint_box

PAGES = Path(__file__).parents[2] / "docs" / "rules"
EXAMPLE = re.compile(r"## (Bad|Good)\n\n```crontab([^\n]*)\n(.*?)```\n", re.DOTALL)


def examples(code: str) -> dict[str, tuple[dict[str, str], bytes]]:
    """The page's examples: what the linter is told, and the file."""
    page = (PAGES / f"{code}.md").read_text()
    return {kind: arranged(words.split(), text) for kind, words, text in EXAMPLE.findall(page)}


def arranged(words: list[str], text: str) -> tuple[dict[str, str], bytes]:
    told = {key: value for key, _, value in (word.partition("=") for word in words)}
    if "escaped" in told:
        return told, text.removesuffix("\n").encode().decode("unicode_escape").encode("latin-1")
    if "numbered" in told:
        text = "".join(text.format(number) for number in range(int(told["numbered"])))
    if "repeat" in told:
        text = text * int(told["repeat"]) + "30 6 * * 1 root /usr/bin/report\n"
    return told, text.encode()


def problems(told: dict[str, str], data: bytes) -> list[Problem]:
    crontab = parse_crontab(
        data, file=told.get("file", "reports"), format="user" if told.get("format") == "user" else "system"
    )
    split = {key: frozenset(value.split(",")) for key, value in told.items()}
    facts = BoxFacts(
        users=split.get("users"),
        programs=split.get("programs"),
        mounts=(MountedFolder(told["mount"], split["files"]),) if "mount" in told else (),
        typical_seconds={told["typical"].split(":")[0]: float(told["typical"].split(":")[1])}
        if "typical" in told
        else {},
        groups=split.get("groups"),
    )
    return lint_box([crontab], zone=ZoneInfo(told.get("zone", "UTC")), facts=facts)


@pytest.mark.parametrize("code", RULES)
def test_the_bad_example_of_a_rule_triggers_that_rule_and_no_other(code: str) -> None:
    assert {problem.code for problem in problems(*examples(code)["Bad"])} == {code}


@pytest.mark.parametrize("code", RULES)
def test_the_good_example_of_a_rule_has_no_problem_at_all(code: str) -> None:
    assert problems(*examples(code)["Good"]) == []


@pytest.mark.parametrize("code", RULES)
def test_the_page_of_a_rule_tells_its_summary_severity_reason_and_source(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()
    rule = RULES[code]
    assert page.startswith(f"# {code}: {rule.summary}\n\nSeverity: {rule.severity}\n")
    assert re.search(r"\n## Why\n\n\S", page)
    assert re.search(r"\nSource: \S", page)


def test_the_index_lists_every_page_and_every_page_is_a_rule() -> None:
    listed = re.findall(r"^\| \[(CB\d+)\]\(\1\.md\)", (PAGES / "README.md").read_text(), re.MULTILINE)
    assert listed == list(RULES)
    assert {page.stem for page in PAGES.glob("CB*.md")} == set(RULES)


@pytest.mark.parametrize("code", RULES)
def test_every_problem_says_what_to_do(code: str) -> None:
    assert all(problem.hint or problem.code == "CB110" for problem in problems(*examples(code)["Bad"]))
