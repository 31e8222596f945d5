"""Paths that `check` and `next` are given: whatever stands there, they answer, and they answer soon."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cronbox.cli import invoke
from tests.project import CRONBOX

GOOD = "*/5 * * * * root /bin/true\n"
BAD = "61 * * * * root /bin/true\n"
OWN = "0 2 * * * /bin/true\n"


@pytest.fixture
def folder(empty: Path) -> Path:
    (empty / "tabs").mkdir()
    return empty / "tabs"


def checked(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """As a process, which a pipe may keep waiting."""
    return subprocess.run(
        [*CRONBOX, *argv], input=stdin, check=False, capture_output=True, text=True, timeout=20
    )


@pytest.mark.timeout(30)
@pytest.mark.parametrize("command", ["check", "next"])
def test_what_is_no_file_in_a_folder_is_passed_by(folder: Path, command: str) -> None:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket"))
    (folder / "dangling").symlink_to("nowhere")
    (folder / "round").symlink_to(".")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text(BAD)
    (folder / "looks-like-one.crontab").mkdir()
    (folder / "looks-like-one.crontab" / "jobs").write_text(GOOD)
    assert invoke([command, "tabs"]) == 0


def test_each_file_below_a_folder_is_checked_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "jobs").write_text(BAD)
    (folder / "sub" / "up").symlink_to("..")
    (folder / "empty").write_text("")
    assert invoke(["check", "tabs", "tabs/sub"]) == 1
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["tabs/sub/jobs:1:1"]
    assert told.err == "2 files: 1 error\n"


@pytest.fixture
def deep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Removed again by `rm`: Python's own way, which pytest would take, recurses too deeply for it."""
    for _ in range(2500):
        Path("d").mkdir()
        monkeypatch.chdir("d")
    monkeypatch.chdir(folder.parent)
    yield "d"
    subprocess.run(["rm", "-rf", folder.parent / "d"], check=True)


@pytest.mark.parametrize("command", ["check", "next"])
def test_folders_deeper_than_any_path_end_in_one_line(
    deep: str, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert invoke([command, deep]) == 1
    assert capsys.readouterr().err.endswith("File name too long\n")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("path", ["fifo", "/dev/zero"])
def test_a_pipe_or_device_that_could_keep_us_waiting_is_refused(folder: Path, path: str) -> None:
    os.mkfifo(folder / "fifo")
    done = checked("check", str(folder / path))
    told = f"cronbox: {folder / path} is not a file; write - to check what is piped in\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_what_is_piped_in_is_checked() -> None:
    done = checked("check", "-", stdin=GOOD + BAD)
    assert done.returncode == 1
    assert done.stdout.startswith("/dev/stdin:2:1 CB110 ")


def test_what_a_shell_pipes_to_an_argument_is_checked() -> None:
    command = f"{sys.executable} -m cronbox check <(printf '{BAD[:-1]}\\n')"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert ":1:1 CB110 " in done.stdout


def test_a_diff_of_what_is_piped_in_is_shown_and_nothing_is_written() -> None:
    assert "+@daily" in checked("check", "-", "--diff", stdin="@Daily root /bin/true\n").stdout
    refused = checked("check", "-", "--fix", stdin="@Daily root /bin/true\n")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_user_s_own_crontab_has_no_users(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "alice").write_text(OWN)
    assert invoke(["check", "tabs"]) == 1
    assert invoke(["check", "tabs", "--user-crontab"]) == 0
    capsys.readouterr()
    assert invoke(["next", "tabs/alice", "--user-crontab", "-n", "1", "--from", "2026-03-02T00:00Z"]) == 0
    assert "Mon 2026-03-02 02:00 UTC" in capsys.readouterr().out


def test_users_own_crontabs_are_not_one_box_s(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("alice", "bob"):
        (folder / name).write_text(OWN)
    assert invoke(["check", "tabs", "--user-crontab"]) == 0
    assert capsys.readouterr().out == ""


def test_a_zone_may_be_named_for_files_that_are_no_box_s(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "jobs").write_text("30 2 * * 0 root /bin/true\n")
    assert invoke(["check", "tabs", "--zone", "Europe/Berlin"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["CB309", "CB310"]
    assert invoke(["check", "tabs", "--zone", "Mars/Base"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("argv", [["check"], ["next"], ["next", "--heatmap"]])
def test_ten_thousand_files_are_read(folder: Path, argv: list[str]) -> None:
    for number in range(10_000):
        (folder / f"jobs-{number}").write_text(f"{number % 60} * * * * root /bin/job {number}\n")
    assert invoke([*argv, "tabs"]) == 0
