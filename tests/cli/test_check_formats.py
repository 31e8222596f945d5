from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cronbox.cli import invoke
from cronbox.model.lint import RULES
from tests.cli.desk import Desk

MIXED = b"MAILTO=ops\n@Daily root /usr/bin/x\n*/7 * * * * root /usr/bin/y >/dev/null 2>&1"
"""Two errors that can be repaired (capitals, no newline at the end), warnings, and a hint."""


@pytest.fixture
def jobs(empty: Path) -> Path:
    (empty / "jobs").write_bytes(MIXED)
    return empty / "jobs"


def test_github_gets_one_workflow_command_a_problem(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["check", "jobs", "--format", "github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("::error file=jobs,line=2,col=1,title=CB111::") for line in lines)
    assert {line.split(" ", 1)[0] for line in lines} == {"::error", "::warning", "::notice"}


def test_what_would_end_a_workflow_command_is_escaped(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "a,b:c%").write_text("0 1 * * * root date +%F\n")
    invoke(["check", "a,b:c%", "--format", "github"])
    lines = capsys.readouterr().out.splitlines()
    assert all("file=a%2Cb%3Ac%25,line=" in line for line in lines)
    percent = next(line for line in lines if "title=CB402" in line)
    assert "this %25, and" in percent


def sarif(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    invoke(["check", "--format", "sarif", *argv])
    return json.loads(capsys.readouterr().out)


def test_sarif_lists_every_rule_and_every_problem_with_its_place(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = sarif(capsys, "jobs")
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in rules] == list(RULES)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "jobs"
        assert place["region"]["startLine"] >= 1
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}


def test_a_fix_in_sarif_repairs_the_file_when_it_is_applied(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = sarif(capsys, "jobs", "--select", "CB111")["runs"][0]["results"]
    [replacement] = results[0]["fixes"][0]["artifactChanges"][0]["replacements"]
    region, data = replacement["deletedRegion"], MIXED
    end = region["byteOffset"] + region["byteLength"]
    content = base64.b64decode(replacement["insertedContent"]["binary"])
    assert b"\n@daily root" in data[: region["byteOffset"]] + content + data[end:]


def test_a_path_in_sarif_is_a_uri(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "two words").write_bytes(MIXED)
    run = sarif(capsys, "two words", str(empty / "two words"))["runs"][0]
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert uris == {"two%20words", f"file://{str(empty / 'two words').replace(' ', '%20')}"}


def test_a_problem_of_the_config_comes_in_the_form_asked_for(desk: Desk) -> None:
    desk.configure("[web]\nlisten = 3\n")
    answer = desk("check", "--format", "sarif")
    assert answer.code == 2
    [result] = answer.json["runs"][0]["results"]
    assert result["ruleId"] == "config"
    assert desk("check", "--format", "github").out.startswith("::error file=config.toml,line=1,")


def test_fix_repairs_what_is_safe_shows_it_and_leaves_the_rest(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["check", "jobs", "--fix"]) == 0
    told = capsys.readouterr().out
    assert "-@Daily root /usr/bin/x\n" in told and "+@daily root /usr/bin/x\n" in told
    assert "\\ No newline at end of file" in told
    assert "CB304" in told
    after = jobs.read_bytes()
    assert after == MIXED.replace(b"@Daily", b"@daily") + b"\n"
    assert invoke(["check", "jobs", "--fix"]) == 0
    assert jobs.read_bytes() == after


def test_diff_writes_nothing_and_prints_a_patch_that_does_what_fix_does(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["check", "jobs", "--diff", "--fix"]) == 1
    patch = capsys.readouterr().out
    assert jobs.read_bytes() == MIXED
    subprocess.run(["patch", "-p0", "--quiet"], input=patch.encode(), check=True, cwd=jobs.parent)
    patched = jobs.read_bytes()
    jobs.write_bytes(MIXED)
    invoke(["check", "jobs", "--fix"])
    assert jobs.read_bytes() == patched


def test_fixes_go_beside_a_form_for_programs_not_into_it(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(["check", "jobs", "--fix", "--format", "json"])
    told = capsys.readouterr()
    assert "CB111" not in {problem["code"] for problem in json.loads(told.out)}
    assert "+@daily" in told.err


def test_bytes_that_are_not_utf_8_survive_a_fix(desk: Desk) -> None:
    (desk.root / "jobs").write_bytes(b"@Daily root /bin/echo \xff\xfe\n")
    assert desk("check", "jobs", "--fix").code == 0
    assert (desk.root / "jobs").read_bytes() == b"@daily root /bin/echo \xff\xfe\n"


def codes(capsys: pytest.CaptureFixture[str], *argv: str) -> set[str]:
    invoke(["check", "jobs", "--json", *argv])
    return {problem["code"] for problem in json.loads(capsys.readouterr().out)}


def test_select_and_ignore_take_codes_and_beginnings_of_codes(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(capsys, "--select", "cb1") == {"CB102", "CB111"}
    assert codes(capsys, "--select", "CB1,CB304", "--ignore", "CB102") == {"CB111", "CB304"}


def test_fix_repairs_only_for_the_rules_that_are_selected(jobs: Path) -> None:
    invoke(["check", "jobs", "--fix", "--select", "CB111"])
    assert jobs.read_bytes() == MIXED.replace(b"@Daily", b"@daily")


def test_a_code_of_no_rule_is_refused(jobs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["check", "jobs", "--ignore", "CB999"]) == 2
    assert "'CB999' is no rule" in capsys.readouterr().err


def test_the_config_chooses_the_rules_and_the_options_go_over_it(desk: Desk) -> None:
    desk.configure('[lint]\nselect = ["CB1", "CB3"]\nignore = ["CB102"]\n')
    desk.crontab("etl/jobs", MIXED.decode())
    assert {problem["code"] for problem in desk("check", "--json").json} == {"CB111", "CB304"}
    assert {p["code"] for p in desk("check", "--json", "--select", "CB4").json} == {"CB408"}
    assert {p["code"] for p in desk("check", "--json", "--ignore", "CB3").json} == {"CB102", "CB111"}


def test_an_install_is_held_to_rules_that_the_config_ignores(desk: Desk) -> None:
    desk.configure('[lint]\nignore = ["CB110"]\n')
    desk.crontab("etl/jobs", "61 * * * * root /bin/true\n")
    assert desk("check").code == 0
    assert desk("up").code == 1


def test_a_wrong_code_in_the_config_is_refused_with_its_key(desk: Desk) -> None:
    desk.configure('[lint]\nignore = ["W605"]\n')
    assert desk("check").err.startswith("lint.ignore.0: 'W605' is no rule")


def test_plain_files_are_checked_without_what_only_a_project_needs(empty: Path) -> None:
    (empty / "jobs").write_text("* * * * * root /bin/true\n")
    program = (
        "import sys; from cronbox.cli import invoke; code = invoke(['check', 'jobs']); "
        "heavy = {'sqlmodel', 'structlog', 'cronbox.engine'} & sys.modules.keys(); "
        "sys.exit(code or sorted(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=empty
    )
    assert done.returncode == 0, done.stderr
