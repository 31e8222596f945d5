"""What is taken out of texts before they leave the house, and what stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronbox.model.redaction import HIDDEN, Redactor

NOTHING_KNOWN = Redactor([])
PLAIN = (
    "psql -U postgres -p 5432",
    "cp -p a b",
    "ssh://deploy@host/x",
    "keep_last_failures: 10",
    "redis-cli -p 6379 ping",
)


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
        "postgres://me:a/XXXX@host/db",
        "redis://:XXXX@host/0",
        "git clone https://0123456789abcdefXXXX@host/repo.git",
        "curl https://hooks.slack.com/services/T0/B0/XXXX",
        "curl https://discord.com/api/webhooks/1/XXXX",
        "curl -fsS https://hc-ping.com/XXXX",
        "curl 'https://host/x?a=1&sig=XXXX'",
        "sshpass -p XXXX ssh host",
        "redis-cli -p 6379 -a XXXX ping",
        "push ghp_0123456789XXXX",
        "push eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.XXXX",
        "PASSWORD=a\\ XXXX load",
        "PASSWORD=a'XXXX YYYY' load",
        'PASSWORD="a"XXXX load',
        'curl -d "{\\"password\\": \\"XXXX\\"}" host',
        "export PW=XXXX",
        "cred=XXXX",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "XXXX" not in NOTHING_KNOWN.text(text).replace("https://XXXX:", "")


def test_what_is_no_secret_stays() -> None:
    for text in (
        "*/15 * * * * root /scripts/load.py",
        "etl/load failed: exit code 7",
        "http://host:8080/x",
        *PLAIN,
    ):
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


def test_what_is_named_like_a_secret_in_json_is_hidden_whatever_its_shape() -> None:
    value = {
        "tokens": ["a1"],
        "password": 12345,
        "auth": {"x": "y"},
        "secrets": ["PG: file"],
        "has_key": True,
    }
    hidden = {"tokens": [HIDDEN], "password": HIDDEN, "auth": {"x": HIDDEN}}
    assert NOTHING_KNOWN.value(value) == hidden | {"secrets": ["PG: file"], "has_key": True}


@pytest.mark.parametrize("piece", ["x", "token", "-key", "://", "a-", "://a:", "-----BEGIN A-----", "pass'="])
def test_no_text_takes_longer_than_its_length_is_worth(piece: str) -> None:
    """Measured against a text of the same length with nothing in it that looks like a beginning."""
    redactor = Redactor([])

    def seconds(text: str) -> float:
        begun = time.perf_counter()
        redactor.text(text)
        return time.perf_counter() - begun

    length = 100_000
    plain = min(seconds(". " * (length // 2)) for _ in range(3))
    assert seconds(piece * (length // len(piece))) < 100 * plain
