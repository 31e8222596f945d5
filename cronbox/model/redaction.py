"""What must not leave the house, taken out of texts and of JSON values.

Two nets: values that are known to be secret are hidden wherever they stand, and what looks like one by its
name or its place (`token=…`, `--password …`, `//user:…@host`) is hidden whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "***"
SHORTEST = 4
"""A known value that is shorter is hidden only by its name: it would turn up everywhere."""

NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|(?<![a-z])pw(?![a-z])|secret|token|cred(?:ential)?s?|auth|key"
    r"|(?<![a-z])sig(?:nature)?(?![a-z]))"
)
PIECE = r"""(?:"[^"]*"|'[^']*'|\\.)"""
VALUE = rf"""(?:{PIECE}+(?:[^\s"'\\,;:)}}\]]|{PIECE})*|(?:[^\s"'\\]|{PIECE})+)"""
"""A word as a shell or JSON has it, with its quoted and escaped parts."""
REST = r"[^|;&\r\n]{0,200}?\s"
TOOLS = "|".join(
    rf"\b{tool}\b{REST}{option}"
    for tool, option in (
        ("sshpass", "-p"),
        ("redis-cli", "-a"),
        ("zip", "-P"),
        ("openssl", "-k"),
        ("smbclient", "-U"),
        (r"ldap\w+", "-w"),
        (r"mosquitto_\w+", "-P"),
    )
)
"""Options whose password nothing but the tool's name tells."""
PATTERNS = (
    (re.compile(r"(://[^\s/@:\"']{0,200}:)[^\s\"']{0,400}@"), rf"\g<1>{HIDDEN}@"),
    (re.compile(r"(://)[^\s/@:\"']{16,400}@"), rf"\g<1>{HIDDEN}@"),
    (
        re.compile(r"(?i)(://[^\s\"']{0,200}?(?:hook|hc-ping\.com|/ping/)[^\s\"'/]{0,50}/?)[^\s\"']*"),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|sk-|AKIA|ASIA|eyJ)[\w.-]{10,}"), HIDDEN),
    (re.compile(r"(?i)\b((?:authorization|cookie)\s{0,9}[:=]\s{0,9})[^\"'\r\n]+"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(?i)\b((?:bearer|basic)\s{1,9})[^\s\"']+"), rf"\g<1>{HIDDEN}"),
    (
        re.compile(rf"(?i)({NAMES}[\w.-]{{0,60}}\\?[\"']?\s{{0,9}}[=:]\s{{0,9}}){VALUE}"),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(rf"(?i)(-[\w-]{{0,60}}{NAMES}[\w-]{{0,60}}\s{{1,9}}){VALUE}"), rf"\g<1>{HIDDEN}"),
    (re.compile(rf"((?:{TOOLS})\s{{0,9}}){VALUE}"), rf"\g<1>{HIDDEN}"),
    (re.compile(rf"(\s(?:-u|--user)[ =]?[^\s:]{{1,200}}:){VALUE}"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(\s-p)(?!\s|-)\S+"), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(-----BEGIN [A-Z ]{1,60}-----).*?(-----END|\Z)", re.DOTALL), rf"\g<1>{HIDDEN}\g<2>"),
)
"""What looks ahead has a bound, so that no text makes it take longer than its length is worth."""
SECRET_NAME = re.compile(rf"(?i){NAMES}")
NAMES_ONLY = ("secrets",)
"""What holds the names of secrets, and no value."""
ASSIGNMENT = re.compile(r"""^(\s*#?\s*['"]?[A-Za-z_][A-Za-z0-9_]*['"]?\s*=).*$""")
"""A variable of a crontab, or one that was commented out."""


class Redactor:
    """Hides the values it is made with, and whatever looks like a secret."""

    def __init__(self, known: Iterable[str]) -> None:
        lines = {line for value in known for line in (value, *value.splitlines(), value.strip())}
        self._known = sorted((line for line in lines if len(line) >= SHORTEST), key=len, reverse=True)

    def text(self, text: str) -> str:
        for value in self._known:
            text = text.replace(value, HIDDEN)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def crontab(self, text: str) -> str:
        """A crontab without the values of its variables."""
        return "".join(
            self.text(ASSIGNMENT.sub(rf"\g<1>{HIDDEN}", line)) + "\n" for line in text.splitlines()
        )

    def value(self, value: Any) -> Any:
        """A JSON value: every text in it, all that stands in an `env`, and what is named like a secret."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(name)): self._member(str(name), inner) for name, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
            case _:
                return value

    def _member(self, name: str, value: Any) -> Any:
        if name in ("env", "args") or (SECRET_NAME.search(name) and name not in NAMES_ONLY):
            return hidden(value)
        return self.value(value)


def hidden(value: Any) -> Any:
    """The same shape, with no value left in it."""
    match value:
        case dict():
            return {name: hidden(inner) for name, inner in value.items()}
        case list() | tuple():
            return [hidden(inner) for inner in value]
        case None | bool():
            return value
        case _:
            return HIDDEN
