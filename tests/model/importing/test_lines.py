"""What is written into a crontab comes out of it unchanged: commands, variables, words for the shell."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cronbox.model.crontab import EnvLine, decode_command, parse_crontab
from cronbox.model.importing.commands import go_words, shell_command
from cronbox.model.importing.kubernetes_words import kube_command
from cronbox.model.importing.lines import command_text, env_line

NO_BREAK = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=30)


@given(NO_BREAK | st.text("\\%a ", max_size=12))
@example(r"date +%F \\ \% \x")
def test_a_command_survives_cron_s_own_decoding(command: str) -> None:
    text = command_text(command)
    assert text is None or decode_command(text) == (command, None)
    assert text is not None or not command.strip()


@pytest.mark.parametrize("command", ["", "  ", "a\nb", "a\0b", "x" * 999, "%" * 500])
def test_a_command_that_no_line_can_hold_is_none(command: str) -> None:
    assert command_text(command) is None


@given(st.sampled_from(["A", "PATH", "_x1", "1A", "A-B", ""]), NO_BREAK | st.text("'\" a=#\\", max_size=8))
def test_a_variable_survives_cron_s_own_reading(name: str, value: str) -> None:
    line = env_line(name, value)
    if line is not None:
        [read] = parse_crontab(f"{line}\n".encode(), file="").lines
        assert isinstance(read, EnvLine)
        assert (read.name, read.value) == (name, value)


@pytest.mark.parametrize("value", ["a b", "", "it's", 'say "x"', "#", "$HOME", "a=b"])
def test_common_values_have_a_line(value: str) -> None:
    assert env_line("A", value) is not None


@given(st.lists(NO_BREAK, min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_a_shell_gets_the_words_that_were_meant(words: list[str]) -> None:
    assert printed(shell_command(["printf", "%s\\0", *words])) == words


@given(st.lists(st.text("a $()X'\"\\", max_size=8), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_kubernetes_references_become_the_shell_s(words: list[str]) -> None:
    command = kube_command(["printf", "%s\\0", "$(X)", *words], {"X": "it's"})
    meant = [word.replace("$$", "\0").replace("$(X)", "it's").replace("\0", "$") for word in words]
    assert printed(command, {"X": "it's"}) == ["it's", *meant]


def printed(command: str, env: dict[str, str] | None = None) -> list[str]:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split("\0")[:-1]


def test_a_shell_in_a_shell_is_the_text_itself() -> None:
    assert shell_command(["sh", "-c", "date | tee x"]) == "date | tee x"
    assert shell_command(["bash", "-c", "date | tee x"]) == "bash -c 'date | tee x'"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sh -c 'date | tee -a x'", ["sh", "-c", "date | tee -a x"]),
        ('a "b c" d', ["a", "b c", "d"]),
        (r"a b\ c", ["a", "b c"]),
        ("a --x='b c'", ["a", "--x='b", "c'"]),
        ("a | b c", ["a", "| b c"]),
        ("a {b c} d", ["a", "{b c}", "d"]),
        ("  ", []),
    ],
)
def test_ofelia_s_commands_are_split_as_ofelia_splits_them(text: str, words: list[str]) -> None:
    assert go_words(text) == words
