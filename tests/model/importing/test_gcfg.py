"""ofelia's INI files are read as its library reads them."""

from __future__ import annotations

import pytest

from cronbox.model.importing import Unreadable
from cronbox.model.importing.gcfg import read_gcfg


def values(text: str) -> list[tuple[str, str]]:
    [section] = read_gcfg(f'[job-run "x"]\n{text}\n')
    return [(item.key, item.value) for item in section.values]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = b", [("a", "b")]),
        ("Volume = /a:/b\nvolume=/c:/d", [("volume", "/a:/b"), ("volume", "/c:/d")]),
        ("a = b ; c # d", [("a", "b")]),
        ('a = "b ; c "', [("a", "b ; c ")]),
        ('a = x"y z" \t', [("a", "xy z")]),
        ('a = "b\\"c\\\\d\\n"', [("a", 'b"c\\d\n')]),
        ("a = b\\\n  c", [("a", "b  c")]),
        ("a =", [("a", "")]),
        ("no-overlap", [("no-overlap", "true")]),
        ("  ; comment\n# comment\r\na = b\r", [("a", "b")]),
        ("command = sh -c 'x = [1]'", [("command", "sh -c 'x = [1]'")]),
    ],
)
def test_values(text: str, found: list[tuple[str, str]]) -> None:
    assert values(text) == found


def test_sections_have_names_and_lines_and_those_of_one_name_are_one() -> None:
    found = read_gcfg('[global]\na = b\n\n[Job-Exec "say \\"x\\""] ; c\nb = c\n[global]\nd = e\n')
    assert [(section.name, section.sub, section.line) for section in found] == [
        ("global", "", 1),
        ("job-exec", 'say "x"', 4),
    ]
    assert [item.line for item in found[0].values] == [2, 7]


@pytest.mark.parametrize(
    "text",
    [
        "a = b",
        "[x",
        "[x]\n= b",
        '[x]\na = "b',
        "[x]\na = b\\c",
        "[x]\na b",
        '[x ""y]',
        "[x]\n[",
        "{}",
        "[x]\na = \\",
    ],
)
def test_what_is_no_such_file_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_gcfg(text)
    assert refused.value.line is not None
