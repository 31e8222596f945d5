"""Each case is a source of one format, and beside it all that is written for it and all that is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cronbox.model.importing import Format
from tests.model.importing.imported import Imported, imported

CASES = Path(__file__).parent / "cases"
FORMATS = {folder.name: Format(folder.name.partition("-")[0]) for folder in CASES.iterdir()}
PRESENT = frozenset({"/srv/dates", "/etc/localtime", "/srv/data", "/srv/shop/bin"})


def case(name: str) -> Imported:
    return imported((CASES / name / "source").read_bytes(), FORMATS[name], file=name, present=PRESENT)


def shown(project: Imported) -> str:
    parts = [f"==> {path}\n{text}" for path, text in project.files.items()]
    told = [f"{finding}\n    {finding.todo}".rstrip() for finding in project.findings]
    return "\n".join([*parts, "==> findings", *told]) + "\n"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_source_becomes_the_project_beside_it(name: str) -> None:
    assert shown(case(name)) == (CASES / name / "expected").read_text()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_case_has_no_error_and_tells_no_secret(name: str) -> None:
    project = case(name)
    assert project.errors == []
    told = " ".join(f"{finding.what} {finding.todo}" for finding in project.findings)
    assert not any(secret in told for secret in ("s3cret", "hunter2", "T0/secret", "qux"))
