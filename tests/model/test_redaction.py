"""What is taken out of texts before they leave the house, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.redaction import HIDDEN, Redactor

NOTHING_KNOWN = Redactor([])


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:XXXX@db.internal/x",
        "postgresql://me:a@XXXX@db.internal/x",
        "https://XXXX:XXXX@host",
        "PGPASSWORD=XXXX pg_dump",
        "api_key: XXXX",
        '{"access_token": "XXXX YYYY"}',
        "load --password XXXX",
        "load --db-password=XXXX",
        "curl -u me:XXXX https://host",
        "mysql -uroot -pXXXX",
        "Authorization: Bearer XXXX",
        "Authorization: Basic XXXX",
        "-----BEGIN RSA PRIVATE KEY-----\nXXXX\n-----END RSA PRIVATE KEY-----",
        "AWS_SECRET_ACCESS_KEY='XXXX'",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "XXXX" not in NOTHING_KNOWN.text(text).replace("https://XXXX:", "")


def test_what_is_no_secret_stays() -> None:
    for text in ("*/15 * * * * root /scripts/load.py", "etl/load failed: exit code 7", "http://host:8080/x"):
        assert NOTHING_KNOWN.text(text) == text


@given(st.text(min_size=4).filter(lambda text: text.strip() and "*" not in text), st.text(), st.text())
def test_a_known_value_is_hidden_wherever_it_stands(value: str, before: str, behind: str) -> None:
    assert value not in Redactor([value]).text(f"{before}{value}{behind}")


def test_a_known_value_of_several_lines_is_hidden_line_by_line() -> None:
    assert Redactor(["first line\nsecond"]).text("a second b first line") == f"a {HIDDEN} b {HIDDEN}"


def test_a_crontab_keeps_its_entries_and_loses_the_values_of_its_variables() -> None:
    text = "A=one two\n# OLD='x'\n# cronbox: name=load timeout=5m\n* * * * * root load\n"
    kept = f"A={HIDDEN}\n# OLD={HIDDEN}\n# cronbox: name=load timeout=5m\n* * * * * root load\n"
    assert NOTHING_KNOWN.crontab(text) == kept


def test_of_an_env_in_json_only_the_names_stay() -> None:
    value = {"env": {"A": "x", "B": "y"}, "args": ["z"], "token": "t", "job": "load", "n": 1}
    hidden = {"env": {"A": HIDDEN, "B": HIDDEN}, "args": [HIDDEN], "token": HIDDEN, "job": "load", "n": 1}
    assert NOTHING_KNOWN.value(value) == hidden
