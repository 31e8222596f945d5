"""A box's crontab files, from the folder to a bundle that can be installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cronbox.errors import CrontabRefused
from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.job import Job
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import BoxFacts, Problem, Severity, lint_box
from cronbox.model.render import Bundle, render
from cronbox.ops.files import crontab_paths

if TYPE_CHECKING:
    from cronbox.config import BoxConfig, Config


@dataclass(frozen=True, slots=True)
class BoxCrontabs:
    """What stands in `crontabs/<box>/`: the files as read, what is wrong with them, and the jobs."""

    files: tuple[Crontab, ...]
    problems: tuple[Problem, ...]
    jobs: tuple[Job, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def read_crontabs(config: Config, box: BoxConfig, facts: BoxFacts | None) -> BoxCrontabs:
    """Read and check the box's files. `facts` are what is known of its image; None skips those rules."""
    files = tuple(
        parse_crontab(path.read_bytes(), file=str(path.relative_to(config.root)))
        for path in crontab_paths(box)
    )
    problems = tuple(lint_box(files, zone=box.zone, facts=facts))
    return BoxCrontabs(files, problems, jobs_of(files, box=box.name, defaults=box.policy))


def bundle_of(box: BoxConfig, crontabs: BoxCrontabs) -> Bundle:
    """What is to be installed. Raises CrontabRefused if any file has an error: then nothing is."""
    if errors := crontabs.errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        raise CrontabRefused(
            f"crontabs/{box.name} has {count}; what is installed goes on",
            problems=[str(problem) for problem in errors],
            hint=f"`cronbox check crontabs/{box.name}` explains",
        )
    windows = [window.as_table(box.name) for window in box.windows]
    settings = {
        "stop_grace": box.section.stop_grace,
        "max_running": box.section.max_running,
        "groups": box.section.groups,
        "windows": [window for window in windows if window is not None],
        "secrets": [
            {"name": name, "variable": secret.variable, "jobs": secret.jobs}
            for name, secret in sorted(box.section.secrets.items())
        ],
    }
    return render(box.name, crontabs.jobs, settings=settings)
