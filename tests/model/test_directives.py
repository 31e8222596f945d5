"""One grammar and one table for the comments over an entry and for config.toml."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.crontab import Comment
from cronbox.model.directives import Directives, MistakeKind, parse_directives
from cronbox.model.durations import format_duration, format_size, parse_duration, parse_size
from cronbox.model.job import Overlap, Policy
from cronbox.model.settings import KEYS, policy_from


def read(*lines: str) -> Directives:
    return parse_directives(tuple(Comment(number, 1, f"{line}\n") for number, line in enumerate(lines, 1)))


def test_every_key_but_the_name_is_a_field_of_policy_and_every_field_has_a_key() -> None:
    assert {key.attribute for key in KEYS.values()} - {"name"} == {field.name for field in fields(Policy)}


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.default], ids=lambda key: key.name)
def test_the_default_in_the_table_is_the_default_of_policy(key: object) -> None:
    assert key.read(key.default) == getattr(Policy(), key.attribute)  # type: ignore[attr-defined]


def test_words_are_keys_and_values_with_quotes_where_they_are_needed() -> None:
    found = read(r"""# cronbox: name=load-orders timeout=30m description="two \"words\"" workdir='/a b'""")
    assert found.mistakes == ()
    assert found.settings == {
        "name": "load-orders",
        "timeout": "30m",
        "description": 'two "words"',
        "workdir": "/a b",
    }


def test_several_comments_add_up() -> None:
    found = read("# cronbox: name=a", "#cronbox: timeout=2h ok-codes=0,3 paused=yes")
    assert found.name == "a"
    assert found.policy(Policy()) == Policy(timeout=7200.0, ok_codes=(0, 3), paused=True)


def test_ignored_codes_are_no_settings() -> None:
    assert read("# cronbox: ignore=CB402,cb408").ignored == {"CB402", "CB408"}


@pytest.mark.parametrize(
    ("line", "kind", "column", "part"),
    [
        ("# cronbox: time-out=1m", MistakeKind.UNKNOWN_KEY, 12, "did you mean timeout?"),
        ("# cronbox: retry=1", MistakeKind.UNKNOWN_KEY, 12, "'retry' is no key"),
        ("# cronbox: overlap=skipp", MistakeKind.BAD_VALUE, 20, "did you mean skip?"),
        ("# cronbox: timeout=30", MistakeKind.BAD_VALUE, 20, "is not a duration"),
        ("# cronbox: name=-x", MistakeKind.BAD_VALUE, 17, "is not a name"),
        ("# cronbox: ok-codes=300", MistakeKind.BAD_VALUE, 21, "is not an exit code"),
        ("# cronbox: paused", MistakeKind.MALFORMED, 12, "has no value"),
        ('# cronbox: description="a', MistakeKind.MALFORMED, 12, "is not closed"),
        ("# cronbox: name=a name=b", MistakeKind.TWICE, 19, "twice"),
    ],
)
def test_a_mistake_is_told_with_its_place(line: str, kind: MistakeKind, column: int, part: str) -> None:
    (mistake,) = read(line).mistakes
    assert (mistake.kind, mistake.column) == (kind, column)
    assert part in mistake.message


def test_what_is_wrong_does_not_spoil_what_is_right() -> None:
    assert read("# cronbox: name=a timeout=never").policy(Policy()) == Policy()


def test_values_of_toml_mean_the_same_as_texts() -> None:
    settings = {
        "timeout": "1h30m",
        "output-limit": 1024,
        "ok-codes": [0, 2],
        "paused": True,
        "overlap": "allow",
    }
    wanted = Policy(timeout=5400.0, output_limit=1024, ok_codes=(0, 2), paused=True, overlap=Overlap.ALLOW)
    assert policy_from(settings, Policy()) == wanted


@pytest.mark.parametrize(
    ("key", "value"),
    [("timeout", 30), ("paused", "maybe"), ("ok-codes", [True]), ("workdir", "a"), ("nope", 1)],
)
def test_a_wrong_setting_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        policy_from({key: value}, Policy())


def test_a_time_out_can_be_switched_off_for_one_job() -> None:
    assert policy_from({"timeout": "none"}, Policy(timeout=60.0)).timeout is None


@given(st.text(max_size=60).filter(lambda text: "\n" not in text))
def test_any_text_can_be_read(text: str) -> None:
    read(f"# cronbox: {text}")


@given(st.integers(0, 10**9))
def test_a_duration_is_read_back_as_it_was_written(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize("text", ["", "30", "1m1h", "1s1s", "-1s", "1 m", "1w", "99999d", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("10MiB", 10 << 20), ("512m", 512 << 20), ("1g", 1 << 30), ("4096", 4096), ("1.5k", 1536)],
)
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1536, "1.5KiB"), (10 << 20, "10MiB"), (1 << 50, "1024TiB")]
)
def test_sizes_are_written_in_the_largest_unit(size: int, text: str) -> None:
    assert format_size(size) == text
