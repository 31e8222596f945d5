"""An import in memory: sources go in, the project's files and the findings come out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from cronbox.model.crontab import Entry, parse_crontab
from cronbox.model.importing import (
    Finding,
    Format,
    Kind,
    Options,
    Place,
    ProjectFiles,
    Source,
    project_files,
    translate,
)
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import BoxFacts, Problem, Severity, lint_box
from cronbox.ops.check import DEBIAN_USERS

ZONES = frozenset({"UTC", "Etc/UTC", "Europe/Berlin"})


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it."""

    project: ProjectFiles

    @property
    def files(self) -> dict[str, str]:
        return {file.path: file.text for file in self.project.files}

    @property
    def config(self) -> dict[str, Any]:
        return tomllib.loads(self.files["config.toml"])

    @property
    def boxes(self) -> dict[str, Any]:
        return self.config.get("boxes", {})

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.project.findings

    @property
    def not_imported(self) -> list[Place]:
        return [finding.place for finding in self.findings if finding.kind is Kind.ENTRY]

    @property
    def entries(self) -> list[Entry]:
        """Every entry of every crontab."""
        return [
            entry
            for path, text in self.files.items()
            if path.startswith("crontabs/")
            for entry in parse_crontab(text.encode("utf-8", "surrogateescape"), file=path).entries
        ]

    @property
    def jobs(self) -> list[Job]:
        """The jobs as cronbox would run them."""
        found: list[Job] = []
        for box in self.boxes:
            crontabs = [
                parse_crontab(text.encode("utf-8", "surrogateescape"), file=path)
                for path, text in self.files.items()
                if path.startswith(f"crontabs/{box}/")
            ]
            found += jobs_of(crontabs, box=box, defaults=Policy())
        return found

    @property
    def errors(self) -> list[Problem]:
        """What `cronbox check` has against it."""
        found: list[Problem] = []
        for box, section in self.boxes.items():
            crontabs = [
                parse_crontab(text.encode("utf-8", "surrogateescape"), file=path)
                for path, text in self.files.items()
                if path.startswith(f"crontabs/{box}/")
            ]
            users = DEBIAN_USERS | frozenset(section.get("users", ()))
            found += lint_box(crontabs, facts=BoxFacts(users=users))
        return [problem for problem in found if problem.severity is Severity.ERROR]

    def told(self, word: str) -> Finding:
        """The one finding with this word in it."""
        [found] = [finding for finding in self.findings if word in finding.what]
        return found


def imported(
    data: bytes | str,
    format: Format,
    *,
    file: str = "source",
    user: str | None = None,
    present: frozenset[str] = frozenset(),
) -> Imported:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    source = Source(file, raw, "old", "/home/old")
    draft = translate([(source, format)], Options(user, DEBIAN_USERS, ZONES))
    return Imported(project_files(draft, users=DEBIAN_USERS, present=present))
