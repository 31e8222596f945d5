"""From crontab files to jobs."""

from __future__ import annotations

from collections.abc import Sequence

from cronbox.model.crontab import Crontab, Entry
from cronbox.model.directives import parse_directives
from cronbox.model.job import Job, Policy, Source
from cronbox.model.naming import unique_names

CRONTAB_USER = "root"
"""Who runs the entries of a user crontab, which name nobody."""


def jobs_of(crontabs: Sequence[Crontab], *, box: str, defaults: Policy) -> tuple[Job, ...]:
    """The jobs of one box, in the order of its files, with names that are unique in it.

    Lines that cron refuses and directives with mistakes are left out here: the linter names them, and
    nothing is installed while it does.
    """
    found = [
        (crontab, entry, parse_directives(entry.directives))
        for crontab in crontabs
        for entry in crontab.entries
    ]
    names = unique_names([(directives.name, entry.command) for _, entry, directives in found])
    return tuple(
        _job(box, name, crontab.file, entry, directives.policy(defaults))
        for name, (crontab, entry, directives) in zip(names, found, strict=True)
    )


def _job(box: str, name: str, file: str, entry: Entry, policy: Policy) -> Job:
    return Job(
        box=box,
        name=name,
        schedule=entry.schedule,
        user=entry.user or CRONTAB_USER,
        command=entry.command,
        stdin=entry.stdin,
        env=entry.env,
        source=Source(file, entry.line),
        policy=policy,
    )
