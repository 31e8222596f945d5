from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cronbox.cli import invoke
from tests.cli.desk import Desk

BAD = "*/5 * * * * root ok\n61 * * * * root bad\n* * * * * nobody2 who\n"


def test_check_names_file_line_column_and_code_of_each_error(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "jobs").write_text(BAD)
    assert invoke(["check", "jobs"]) == 1
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["jobs:2:1", "jobs:3:11"]
    assert told.err == "1 file: 2 errors\n"


def test_check_as_json_has_every_field(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "jobs").write_text(BAD)
    assert invoke(["check", "jobs", "--format", "json"]) == 1
    [first, _] = json.loads(capsys.readouterr().out)
    assert first.keys() >= {"file", "line", "column", "code", "severity", "message"}
    assert (first["file"], first["line"], first["severity"]) == ("jobs", 2, "error")


def test_check_of_good_files_ends_with_0(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "box").mkdir()
    (empty / "box" / "jobs").write_text("*/5 * * * * www-data /bin/true\n")
    (empty / "box" / "own").write_text("*/5 * * * * alice /bin/true\n")
    assert invoke(["check", "box", "--users", "alice,bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert invoke(["check", "box"]) == 1


def test_check_of_a_project_knows_the_users_of_its_config_and_of_its_running_box(desk: Desk) -> None:
    desk.configure('[boxes.web]\nusers = ["carol"]\n')
    desk.crontab("web/jobs", "0 1 * * * carol /bin/true\n0 1 * * * etl /bin/true\n")
    answer = desk("check")
    assert answer.code == 1
    assert [line.split()[0] for line in answer.out.splitlines()] == ["crontabs/web/jobs:2:11"]
    desk.crontab("web/jobs", "0 1 * * * root /bin/true\n")
    desk("up")
    desk.crontab("web/jobs", "0 1 * * * etl /bin/true\n")
    assert desk("check").code == 0
    assert desk("check", "crontabs/web").code == 0


def test_check_lists_every_problem_of_the_config(desk: Desk) -> None:
    desk.configure('[wed]\nlisten = 3\n[boxes.etl]\ncpus = "two"\n')
    answer = desk("check")
    assert answer.code == 2
    assert {line.split(":")[0] for line in answer.err.splitlines()[:2]} == {"wed", "boxes.etl.cpus"}
    as_json = desk("check", "--json")
    assert as_json.code == 2
    assert {problem["file"] for problem in as_json.json} == {"config.toml"}


def test_a_project_s_own_folder_stands_for_its_boxes(desk: Desk) -> None:
    (desk.root / "README.md").write_text("no crontab\n")
    desk.crontab("etl/jobs", "61 * * * * root x\n")
    assert [problem["file"] for problem in desk("check", ".", "--json").json] == ["crontabs/etl/jobs"]


def test_what_is_not_there_is_not_found(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["check", "nowhere"]) == 4
    assert invoke(["next", "nowhere"]) == 4
    assert capsys.readouterr().err.startswith("cronbox: no file or folder nowhere")


def test_next_merges_files_in_the_order_of_time(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "a").write_text("# cronbox: name=two\n0 2 * * * root x\n@reboot root y\n")
    (empty / "b").write_text("# cronbox: name=half\n30 */12 * * * root x\n")
    assert (
        invoke(
            [
                "next",
                "a",
                "b",
                "--from",
                "2026-03-02T00:00:00Z",
                "--until",
                "2026-03-03",
                "--zone",
                "UTC",
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out) == [
        {"box": None, "job": "half", "slot": "2026-03-02T00:30:00Z"},
        {"box": None, "job": "two", "slot": "2026-03-02T02:00:00Z"},
        {"box": None, "job": "half", "slot": "2026-03-02T12:30:00Z"},
    ]


def test_next_begins_with_the_very_minute_it_is_asked_from(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "a").write_text("# cronbox: name=two\n0 2 * * * root x\n")
    invoke(["next", "a", "--from", "2026-03-02T02:00:00Z", "-n", "1", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["slot"] == "2026-03-02T02:00:00Z"


def test_next_shows_the_minute_in_which_cron_really_starts_a_job_that_summer_time_skips(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "a").write_text("# cronbox: name=dst\n30 2 29 3 * root x\n")
    invoke(["next", "a", "--from", "2026-03-28", "-n", "1", "--zone", "Europe/Berlin", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["slot"] == "2026-03-29T01:00:00Z"


def test_next_for_a_box_uses_its_zone_and_name_and_shows_ten(desk: Desk) -> None:
    desk.configure('[boxes.etl]\ntimezone = "Asia/Tokyo"\n')
    desk.crontab("etl/orders", "# cronbox: name=noon\n0 12 * * * root x\n")
    starts = desk("next", "etl", "--from", "2026-03-02T00:00:00Z", "--json").json
    assert len(starts) == 10
    assert starts[0] == {"box": "etl", "job": "noon", "slot": "2026-03-02T03:00:00Z"}
    assert desk("next", "crontabs/etl/orders", "-n", "1", "--json").json[0]["box"] == "etl"


def test_nothing_to_come_is_told_kindly(desk: Desk) -> None:
    assert desk("next").out == "Nothing is due then.\n"
    assert desk("next", "--json").json == []


@pytest.mark.parametrize("command", ["check", "next"])
def test_files_are_checked_without_loading_engine_or_database(empty: Path, command: str) -> None:
    (empty / "jobs").write_text("* * * * * root x\n")
    program = (
        "import sys; from cronbox.cli import invoke; "
        f"code = invoke([{command!r}, 'jobs']); "
        "sys.exit(code or sorted({'docker', 'sqlalchemy', 'apscheduler'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=empty
    )
    assert done.returncode == 0, done.stderr
