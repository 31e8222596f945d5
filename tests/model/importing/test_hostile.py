"""Sources that nobody should have neither hang an import nor lose an entry; pytest-timeout sees to that."""

from __future__ import annotations

import pytest

from cronbox.model.importing import Format, Unreadable
from tests.model.importing.imported import imported

pytestmark = pytest.mark.slow

CRONTABS = {
    "more lines than cron reads": b"* * * * * root x\n" * 20_000,
    "mistakes in every line": b"61 * * * * root x\n" * 20_000,
    "directives without an entry": b"# cronbox: name=x timeout=\n" * 9_000,
    "one name everywhere": b"# cronbox: name=x\n* * * * * root x\n" * 3_000,
    "a variable before each entry": b"".join(b"A%d=b\n* * * * * root x\n" % n for n in range(1_000)),
    "NUL bytes": b"* * * * * root a\0" * 5_000,
    "one long command": b"* * * * * root " + b"x/" * 1_000_000 + b"\n",
    "paths without end": b"* * * * * root " + b"/a" * 450 + b"\n",
}


@pytest.mark.parametrize("case", CRONTABS)
def test_a_hostile_crontab(case: str) -> None:
    project = imported(CRONTABS[case], Format.CRON_D)
    lines = CRONTABS[case].count(b"root ")
    assert len(project.project.jobs) + len(project.not_imported) >= lines
    assert project.errors == []


@pytest.mark.parametrize(
    "text",
    ['[job-local "a"]\n' + "environment = A=b\n" * 20_000, '[job-local "a"]\ncommand = ' + '"' * 100_001],
)
def test_a_hostile_ini_file(text: str) -> None:
    try:
        assert imported(text, Format.OFELIA).not_imported
    except Unreadable as refused:
        assert refused.line == 2
