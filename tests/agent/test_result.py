"""What jobs say about themselves, and what may stand where it should."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cronbox.agent.accounts import Account
from cronbox.agent.result import FILE_BYTES, NOTHING, make_directory, parse, take_result
from tests.agent.builders import Box, an_entry

ME = Account("me", os.getuid(), os.getgid(), (), "/")
OTHER = Account("other", os.getuid() + 1, os.getgid() + 1, (), "/")


def test_each_key_has_its_last_value() -> None:
    assert parse(b"rows=1\nmessage=a=b, c\n\nrows=2").values == {"rows": "2", "message": "a=b, c"}


def test_what_is_no_key_and_value_is_counted() -> None:
    said = parse(b"rows=1\nno\n=x\n1a=2\na b=3\nlong=" + b"x" * 1001 + b"\n" + b"k" * 65 + b"=1\n")
    assert said.values == {"rows": "1"}
    assert said.note == "CRONBOX_RESULT: 6 of its lines are not taken"


def test_a_value_may_hold_whatever_does_not_end_a_line() -> None:
    assert parse("note=a\u2028b\r\x00\n".encode() + b"odd=\xff\n").values == {
        "note": "a\u2028b\r\x00",
        "odd": "\ufffd",
    }


def test_a_65th_key_is_left_out_but_a_known_one_still_changes() -> None:
    lines = [b"k%d=1" % number for number in range(65)] + [b"k0=2"]
    said = parse(b"\n".join(lines))
    assert (len(said.values), said.values["k0"], "k64" in said.values) == (64, "2", False)
    assert said.note == "CRONBOX_RESULT: 1 of its lines are not taken"


def test_a_file_that_is_too_long_counts_up_to_its_limit() -> None:
    said = parse(b"rows=1\n" + b"a=xxxxxxxxxxxxx\n" * (FILE_BYTES // 16) + b"rows=2\n")
    assert said.values == {"rows": "1", "a": "xxxxxxxxxxxxx"}
    assert said.note == f"CRONBOX_RESULT: only its first {FILE_BYTES} bytes are read"


def test_a_result_is_read_once_and_gone(tmp_path: Path) -> None:
    file = tmp_path / "r1"
    file.write_text("rows=5\n")
    assert take_result(str(file), ME).values == {"rows": "5"}
    assert take_result(str(file), ME) == NOTHING


def a_link(place: Path, other: Path) -> None:
    place.symlink_to(other)


def a_second_name(place: Path, other: Path) -> None:
    place.hardlink_to(other)


def a_pipe(place: Path, other: Path) -> None:
    os.mkfifo(place)


def a_folder(place: Path, other: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize("trap", [a_link, a_second_name, a_pipe, a_folder])
def test_what_is_no_plain_file_is_not_read_and_does_not_stay(tmp_path: Path, trap) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password=1\n")
    trap(tmp_path / "r1", secret)
    said = take_result(str(tmp_path / "r1"), ME)
    assert said.values == {} and said.note is not None and "not read" in said.note
    assert [left.name for left in tmp_path.iterdir()] == ["secret"]


def test_what_belongs_to_somebody_else_is_not_read_root_s_least_of_all(tmp_path: Path) -> None:
    (tmp_path / "r1").write_text("password=1\n")
    said = take_result(str(tmp_path / "r1"), OTHER)
    assert said == ({}, "CRONBOX_RESULT is not read: it does not belong to other")


def test_every_user_may_write_into_the_directory_and_nobody_may_list_it(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "left").write_text("rows=1\n")
    make_directory(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1733
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_what_a_job_says_comes_with_its_end(box: Box) -> None:
    say = "echo rows=5 >>$CRONBOX_RESULT; echo rows=7 >>$CRONBOX_RESULT; echo nonsense >>$CRONBOX_RESULT"
    box.install(an_entry("load", say), an_entry("calm", "test ! -e $CRONBOX_RESULT"))
    box.start()
    box.say("load calm")
    end = box.finished("load")
    assert end["result"] == {"rows": "7"}
    assert box.printed(end["run"]) == [("note", "CRONBOX_RESULT: 1 of its lines are not taken")]
    calm = box.finished("calm")
    assert calm["status"] == "succeeded" and "result" not in calm
    assert not list(Path(box.paths.results).iterdir())


@pytest.mark.slow
def test_a_command_that_cannot_be_carried_out_names_its_run(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    box.say('@do {"do": "run", "run": "feed", "job": "load", "env": {"CRONBOX_JOB": "x"}}')
    assert "CRONBOX_JOB" in box.wait_event("bad_command", run="feed")["reason"]
