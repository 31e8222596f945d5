"""Files that nobody should write neither crash nor hang parser and linter; pytest-timeout sees to that."""

from __future__ import annotations

import pytest

from cronbox.model.crontab import parse_crontab
from cronbox.model.lint import fix, lint

pytestmark = pytest.mark.slow

MEGABYTE = 1_000_000
ENTRY = b"*/5 1-5 * * mon-fri root /usr/local/bin/report --day %d\n"
HOSTILE = {
    "one line of one letter": b"x" * 10 * MEGABYTE,
    "one comment": b"#" + b"x" * 10 * MEGABYTE + b"\n",
    "one command": b"* * * * * root " + b"x" * 10 * MEGABYTE + b"\n",
    "one field of a long list": b"1," * MEGABYTE + b"1 * * * * root x\n",
    "one field of digits": b"1" * 10 * MEGABYTE + b" * * * * root x\n",
    "one quoted value": b'A="' + b"x" * 10 * MEGABYTE + b'"\n',
    "one open quote": b"A='" + b"x" * 10 * MEGABYTE,
    "blanks": b" " * 10 * MEGABYTE,
    "blanks between two fields": b"*" + b" " * 10 * MEGABYTE + b"* * * * root x\n",
    "an environment line without a value": b"A=" + b" " * 10 * MEGABYTE + b"\n",
    "comments, 10 MB": b"# nothing to see here, move on\n" * (10 * MEGABYTE // 31),
    "random-looking bytes": bytes(range(1, 256)) * 400,
    "NUL bytes": b"\0" * 200_000,
    "carriage returns": b"* * * * * root x\r" * 20_000,
    "percent signs": b"* * * * * root " + b"\\%%" * 300 + b"\n",
    "directives without an entry": b"# cronbox: name=x timeout=\n" * 20_000,
    "one entry under many directives": b"# cronbox: ignore=CB301\n" * 20_000 + ENTRY,
    "many variables, and an entry under each": b"".join(
        b"A%d=b\n* * * * * root x\n" % n for n in range(1000)
    ),
    "mistakes in every line": b"61 * * * * root x\n" * 50_000,
    "different mistakes in every line": b"".join(b"%d * * * * root x\n" % n for n in range(60, 20_060)),
    "unknown keywords": b"@dayly root x\n" * 50_000,
}


def survives(data: bytes) -> int:
    """Parse, render, ask for cron's verdict, lint, repair; the number of entries."""
    crontab = parse_crontab(data, file="hostile")
    assert crontab.render() == data
    crontab.cron_error(frozenset({"root"}))
    fix(data, lint(crontab, known_users=frozenset({"root"})))
    return sum(1 for _ in crontab.entries)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_to_its_end(name: str) -> None:
    survives(HOSTILE[name])


@pytest.mark.timeout(120)
def test_a_hundred_thousand_entries_are_read() -> None:
    assert survives(b"".join(ENTRY % number for number in range(100_000))) == 100_000


@pytest.mark.timeout(120)
def test_ten_megabytes_of_entries_are_read() -> None:
    count = 10 * MEGABYTE // len(ENTRY)
    assert survives(b"".join(ENTRY % number for number in range(count))) == count
