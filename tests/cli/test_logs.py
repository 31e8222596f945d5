from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.cli.desk import Desk

LINES = [[0.0, "out", "one"], [0.5, "err", "two"], [1.0, "out", "three \udcff"], [1.5, "note", "5 B dropped"]]


@pytest.fixture
def run(desk: Desk) -> str:
    """The id of a run that printed LINES and ended."""
    desk.up()
    desk.agent.prints["load"] = LINES
    desk.agent.ends["load"] = {"exit_code": 0}
    return str(desk("run", "etl/load", "--json").json["id"])


def test_logs_of_a_run_are_what_it_printed_byte_for_byte(desk: Desk, run: str) -> None:
    assert desk("logs", run).out == "one\ntwo\nthree \udcff\n5 B dropped\n"


def test_logs_of_a_box_and_of_a_job_say_when_and_which(desk: Desk, run: str) -> None:
    line = f"2026-03-02T12:00:00.500Z load[{run[:4]}] err | two"
    assert desk("logs", "etl").out.splitlines()[1] == line
    assert desk("logs", "etl/load").out == desk("logs", "etl").out
    assert desk("logs", "etl/report").out == ""


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["-n", "2"], ["three \udcff", "5 B dropped"]),
        (["-n", "0"], []),
        (["--grep", "^t"], ["two", "three \udcff"]),
        (["--grep", "^t", "-n", "1"], ["three \udcff"]),
        (["--stream", "err"], ["two"]),
        (["--since", "2026-03-02T12:00:01Z"], ["three \udcff", "5 B dropped"]),
    ],
)
def test_options_choose_lines(desk: Desk, run: str, options: list[str], texts: list[str]) -> None:
    assert desk("logs", run, *options).out.splitlines() == texts
    assert [line["text"] for line in desk("logs", "etl", *options, "--json").json] == texts


def test_following_an_ended_run_ends(desk: Desk, run: str) -> None:
    lines = desk("logs", run, "-f", "--json").out.splitlines()
    assert [json.loads(line)["stream"] for line in lines] == ["out", "err", "out", "note"]


def test_what_names_neither_box_nor_run_is_not_found(desk: Desk, run: str) -> None:
    assert desk("logs", "nothing").code == 4
    assert desk("logs", "etl/never").code == 4
    assert desk("logs", "never/load").code == 4


def test_a_bad_pattern_is_wrong_use(desk: Desk, run: str) -> None:
    answer = desk("logs", run, "--grep", "(")
    assert answer.code == 2
    assert "regular expression" in answer.err


def test_output_that_came_while_nobody_looked_is_there(desk: Desk, run: str) -> None:
    desk.pass_time(timedelta(minutes=5))
    desk.agent.start(desk.box, "late", "report")
    desk.agent.write(desk.box, "output", run="late", lines=[[0.0, "out", "after hours"]])
    assert desk("logs", "etl", "-n", "1").out.endswith("out | after hours\n")
