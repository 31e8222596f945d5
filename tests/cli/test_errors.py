from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cronbox import __version__
from cronbox.cli import invoke
from tests.cli.desk import Desk

CRONBOX = [sys.executable, "-m", "cronbox"]

COMMANDS_OF_A_PROJECT = [
    *(["up"], ["down"], ["restart"], ["daemon"], ["ps"], ["jobs"], ["next"], ["check"], ["runs"], ["sync"]),
    *(["doctor"], ["run", "etl/load"], ["show", "1"], ["logs", "etl"], ["kill", "1"], ["pause", "etl"]),
    *(["resume", "etl"], ["cat", "etl"], ["exec", "etl", "id"], ["shell", "etl"]),
]


@pytest.mark.parametrize("argv", COMMANDS_OF_A_PROJECT, ids=" ".join)
def test_without_a_project_every_command_says_in_one_line_so_and_what_to_do(
    empty: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    assert invoke(argv) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "cronbox: no config.toml in this folder or above it; "
        "`cronbox init` writes an example, or name one with -C"
    ]


def test_a_database_that_cannot_be_opened_is_told_once(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "config.toml").write_text('[cronbox]\ndatabase = "postgresql//me:secret@db/cronbox"\n')
    assert invoke(["ps"]) == 1
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1
    assert "secret" not in told.err


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["nonsense"], 2),
        (["ps", "--nonsense"], 2),
        (["run"], 2),
        (["run", "etl"], 2),
        (["run", "/"], 2),
        (["run", "etl/"], 2),
        (["run", "etl/load/x"], 2),
        (["run", "etl/never"], 4),
        (["run", "never/load"], 4),
        (["runs", "--since", "yesterday"], 2),
        (["runs", "--since", "-1h"], 2),
        (["runs", "--since", "9999-12-31T23:59:59-23:00"], 2),
        (["runs", "--status", "happy"], 2),
        (["runs", "-n", "0"], 2),
        (["runs", "-n", "x"], 2),
        (["next", "--zone", "Mars/Base"], 2),
        (["next", "--zone", "../../etc/passwd"], 2),
        (["next", "--from", "0001-01-01T00:00:00Z"], 2),
        (["next", "--from", "9999-12-31T23:59:59Z"], 2),
        (["next", "--from", "3650d", "--until", "1s"], 0),
        (["show", ""], 4),
        (["show", "\n"], 4),
        (["show", "zzzz"], 4),
        (["kill", "\x00x"], 4),
        (["logs", "\udcff"], 2),
        (["logs", "etl/\x1b[31m"], 2),
        (["pause", "etl", "--for", "soon"], 2),
        (["cat", "never"], 4),
        (["up", "never"], 4),
        (["down", "never"], 4),
        (["sync", "never"], 4),
        (["check", "/proc/self/mem"], 1),
        (["check", "--format", "xml"], 2),
        (["-C", "/nowhere", "ps"], 2),
    ],
)
def test_bad_input_gets_a_clear_line_and_the_right_exit_code(desk: Desk, argv: list[str], code: int) -> None:
    desk.up()
    answer = desk(*argv)
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err
    if code:
        assert [line.startswith("cronbox: ") for line in answer.err.splitlines()] == [True]
        assert "\x1b" not in answer.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "jobs").write_text("")
    (empty / "jobs").chmod(0)
    assert invoke(["check", "jobs"]) == 1
    assert "cronbox: jobs: Permission denied" in capsys.readouterr().err


def test_the_config_can_be_named_by_option_and_by_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.crontab("etl/orders")
    (desk.root / "else").mkdir()
    monkeypatch.chdir("/")
    assert desk("-C", str(desk.root), "next", "etl", "-n", "1").code == 0
    assert desk("--config", str(desk.root / "config.toml"), "next", "etl", "-n", "1").code == 0
    monkeypatch.setenv("CRONBOX_CONFIG", str(desk.root))
    assert desk("next", "etl", "-n", "1").code == 0


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"cronbox {__version__}\n"
    assert invoke(["--help"]) == 0
    assert invoke(["run", "--help"]) == 0


def test_a_reader_that_goes_away_is_no_error(empty: Path) -> None:
    (empty / "jobs").write_text("* * * * * root x\n")
    command = f"{' '.join(CRONBOX)} next jobs -n 20000 --json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=empty, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_is_gone_before_the_first_line_is_no_error(empty: Path) -> None:
    (empty / "jobs").write_text("* * * * * root x\n")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*CRONBOX, "next", "jobs"], cwd=empty, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_stdout_is_no_traceback(empty: Path) -> None:
    (empty / "jobs").write_text("* * * * * root x\n")
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *CRONBOX, "next", "jobs"], cwd=empty, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_ends_with_130_and_no_traceback(empty: Path) -> None:
    os.mkfifo(empty / "config.toml")
    process = subprocess.Popen(
        [*CRONBOX, "-C", "config.toml", "ps"],
        cwd=empty,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with (empty / "config.toml").open("w"):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("words", ["cronbox run ", "cronbox up ", "cronbox logs etl/", "cronbox show "])
@pytest.mark.parametrize("config", [None, "= nonsense"])
def test_completion_never_prints_an_error(empty: Path, words: str, config: str | None) -> None:
    if config:
        (empty / "config.toml").write_text(config)
    assert _completed(empty, words) == []


def test_completion_offers_boxes_and_jobs(desk: Desk) -> None:
    desk.crontab("etl/orders")
    assert _completed(desk.root, "cronbox up ") == ["etl"]
    assert _completed(desk.root, "cronbox run e") == ["etl/load", "etl/report"]
    assert _completed(desk.root, "cronbox logs etl/l") == ["etl/load"]


def _completed(folder: Path, words: str) -> list[str]:
    """What bash would offer behind these words."""
    env = {
        "PATH": os.environ["PATH"],
        "_CRONBOX_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(CRONBOX, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()
