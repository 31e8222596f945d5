"""Crontab files are read as cron reads them, and nothing of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.crontab import (
    Broken,
    Crontab,
    Entry,
    EnvLine,
    Format,
    decode_command,
    parse_crontab,
)
from cronbox.model.lint import Severity, fix, lint

PIECES = st.sampled_from(
    [
        *(
            b"* * * * * root true",
            b"@daily root x",
            b"@reboot",
            b"* * * * *",
            b"root",
            b"*/5",
            b"1-5",
            b"fri-mon",
        ),
        *(
            b"A=b",
            b"A=",
            b'A="b"',
            b"'",
            b'"',
            b"=",
            b"# cronbox: name=x",
            b"# cronbox: timeout=",
            b"#",
            b"%",
            b"\\",
        ),
        *(
            b" ",
            b"\t",
            b"\n",
            b"\r",
            b"\0",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\xc3\xa9",
            b"@",
            b",",
            b"5",
            b"\v",
            b"x" * 990,
        ),
    ]
)
FILES = st.one_of(st.lists(PIECES, max_size=24).map(b"".join), st.binary(max_size=200))
FORMATS: st.SearchStrategy[Format] = st.sampled_from(["system", "user"])


def parsed(text: str | bytes, *, format: Format = "system") -> Crontab:
    return parse_crontab(text if isinstance(text, bytes) else text.encode(), file="etl", format=format)


def entry(text: str) -> Entry:
    return next(parsed(text).entries)


@given(FILES, FORMATS)
def test_any_bytes_are_rendered_byte_for_byte(data: bytes, format: Format) -> None:
    assert parsed(data, format=format).render() == data


@given(FILES, FORMATS)
def test_a_file_without_an_error_from_the_linter_is_one_that_cron_loads(data: bytes, format: Format) -> None:
    crontab = parsed(data, format=format)
    users = frozenset({"root"})
    errors = [problem for problem in lint(crontab, known_users=users) if problem.severity is Severity.ERROR]
    assert errors or crontab.cron_error(users) is None


@given(FILES)
def test_positions_are_within_the_file_and_repairs_can_be_made(data: bytes) -> None:
    crontab = parsed(data)
    problems = lint(crontab)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
    assert all(problem.line <= data.count(b"\n") + 1 for problem in problems)
    fix(data, problems)


@given(FILES)
def test_a_part_stands_where_its_column_says(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape").split("\n")
    for found in parsed(data).entries:
        line = text[found.line - 1]
        assert line.startswith(found.times, found.times_column - 1)
        assert line.startswith(found.user, found.user_column - 1)
        assert line.startswith(found.text, found.text_column - 1)


@pytest.mark.parametrize(
    "unit", [b"@daily\n", b"5\0", b"\0", b"* * * * *\n", b"'", b"A=\n", b" ", b"#", b"1,", b"a="]
)
def test_hostile_repetition_is_read_in_one_pass(unit: bytes) -> None:
    data = unit * (60_000 // len(unit))
    assert parsed(data).render() == data


def test_the_parts_of_an_entry_have_their_positions() -> None:
    found = entry("A=1\n  */5 *  * * *\tetl  echo é\n")
    assert (found.line, found.times_column, found.user_column, found.text_column) == (2, 3, 16, 20)
    assert (found.times, found.user, found.text) == ("*/5 *  * * *", "etl", " echo é")


def test_an_entry_has_the_environment_of_the_lines_above_it() -> None:
    first, second = parsed("A=1\n* * * * * root x\nA=2\nB='3 '\n* * * * * root y\n").entries
    assert first.env == (("A", "1"),)
    assert second.env == (("A", "2"), ("B", "3"))


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("A = b c  ", "A", "b c"),
        ('A="b "', "A", "b"),
        ("A=\"'both'\"", "A", "both"),
        ("'A B'=\"  c\"", "A B", "  c"),
        ('A=b"c"', "A", 'b"c"'),
        ("=x", "", "x"),
        ("A==x", "A", "=x"),
        ("A=x\r", "A", "x"),
    ],
)
def test_an_environment_line_means_what_cron_makes_of_it(line: str, name: str, value: str) -> None:
    (found,) = parsed(line + "\n").lines
    assert isinstance(found, EnvLine)
    assert (found.name, found.value) == (name, value)


def test_an_environment_line_is_cut_off_at_998_bytes() -> None:
    (found,) = parsed("F=" + "a" * 5000 + "\n").lines
    assert isinstance(found, EnvLine)
    assert len(found.value) == 996


@pytest.mark.parametrize("line", ["A=", "A=  ", "A B=c", 'A="b', 'A="b" # c', 'A="', "export A=b", "A"])
def test_what_cron_does_not_take_for_an_environment_line_is_refused(line: str) -> None:
    (found,) = parsed(line + "\n").lines
    assert isinstance(found, Broken)
    assert found.cron_error == "bad minute"


@pytest.mark.parametrize(
    ("text", "command", "stdin"),
    [
        ("echo a", "echo a", None),
        (r"date +\%F", "date +%F", None),
        (r"a\\n\x", "a\\n\\x", None),
        ("cat%a%b", "cat", "a\nb\n"),
        (r"cat%a\%b\\c%", "cat", "a%b\\\\c\n"),
        ("cat%", "cat", "\n"),
        (r"a\\%b", "a\\", "b\n"),
    ],
)
def test_percent_signs_and_backslashes_are_decoded_as_cron_does(
    text: str, command: str, stdin: str | None
) -> None:
    assert decode_command(text) == (command, stdin)


def test_the_last_entry_may_stand_on_line_10003_and_no_further() -> None:
    assert parsed("\n" * 10002 + "* * * * * root x\n").cron_error() is None
    assert (
        parsed("\n" * 10003 + "* * * * * root x\n").cron_error()
        == "crontab must not be longer than 10000 lines"
    )


def test_a_command_has_at_most_998_bytes() -> None:
    assert parsed("* * * * * root " + "é" * 499 + "\n").cron_error() is None
    assert parsed("* * * * * root " + "é" * 499 + "x\n").cron_error() == "command too long"


def test_a_nul_ends_an_entry_and_the_next_one_begins_on_the_same_line() -> None:
    first, second = parsed(b"* * * * * root a\0* * * * * root b\n").entries
    assert (first.text, second.text) == ("a", "b")
    assert (second.line, second.times_column) == (1, 18)


def test_every_bad_line_is_told_although_cron_stops_at_the_first() -> None:
    lines = parsed("61 * * * * root x\n* * * * * root y\n* * * * L root z\n").lines
    assert [type(line) for line in lines] == [Broken, Entry, Broken]


def test_the_entries_of_a_user_crontab_have_no_user() -> None:
    (found,) = parsed("0 6 * * * /bin/report now\n", format="user").entries
    assert (found.user, found.text) == ("", "/bin/report now")
    assert parsed("0 6 * * * * x\n", format="user").cron_error() == "bad command"
    assert parsed("@daily =x\n", format="user").cron_error() is None


def test_directives_belong_to_the_line_right_below_them() -> None:
    first, second = parsed(
        "# cronbox: name=a\n# b\n* * * * * root x\n# cronbox: name=c\n\n* * * * * root y\n"
    ).entries
    assert [comment.text for comment in first.directives] == ["# cronbox: name=a"]
    assert second.directives == ()


def test_cron_looks_the_user_up_before_it_looks_at_the_command() -> None:
    crontab = parsed("* * * * * nobody " + "x" * 999 + "\n")
    assert crontab.cron_error(frozenset({"root"})) == "bad username"
    assert crontab.cron_error() == "command too long"


def test_a_byte_0xff_where_the_command_of_a_user_s_own_entry_begins_is_the_end_of_the_file_to_cron() -> None:
    assert parsed(b"* * * * * \xff\n", format="user").cron_error() == "bad day-of-week"
    assert parsed(b"* * * * * x\xff\n", format="user").cron_error() is None
