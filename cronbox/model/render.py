"""What is installed in a box: a crontab of trigger lines, and the table of the jobs behind them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from cronbox.errors import CrontabRefused
from cronbox.model.crontab import LAST_LINE, LONGEST_COMMAND
from cronbox.model.job import Job, Policy

HEADER = "# written by cronbox, do not edit"
TRIGGER = "/run/cronbox/trigger"
TICK = "@tick"
_REDIRECTION = f" >{TRIGGER}"
_OUTSIDE = frozenset({"description", "jitter", "grace", "max_runtime", "notify"})
"""For people, the watch and those who are told, so that a change of them installs nothing. Of the jitter the
agent is told the job's own delay."""
_ENFORCED = tuple(field.name for field in fields(Policy) if field.name not in _OUTSIDE)
"""What the agent obeys, by the same names."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One installation of a box. Equal digests mean equal crontab and table."""

    digest: str
    """16 hex digits."""
    crontab: str
    table: Mapping[str, object]

    def to_json(self) -> bytes:
        """What the agent's `install` reads: ASCII, keys sorted; bytes that are not UTF-8 as `\\udcXX`."""
        return _json({"digest": self.digest, "crontab": self.crontab, "table": self.table})


def render(box: str, jobs: Sequence[Job], *, settings: Mapping[str, object]) -> Bundle:
    """The bundle for these jobs. `settings` (such as `stop_grace`) go into the table as they are.

    Raises CrontabRefused when the trigger lines would be more than cron reads.
    """
    table: dict[str, object] = {**settings, "box": box, "jobs": [_row(job) for job in jobs]}
    lines = _trigger_lines(jobs)
    digest = hashlib.sha256(_json([lines, table])).hexdigest()[:16]
    crontab = "\n".join([HEADER, *lines, f"* * * * * root echo {TICK} {digest}{_REDIRECTION}", ""])
    return Bundle(digest, crontab, {**table, "digest": digest})


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _row(job: Job) -> dict[str, object]:
    """One job of the table. The description is for people, so it stays outside the box."""
    policy = job.policy
    return {
        "name": job.name,
        "source": str(job.source),
        "user": job.user,
        "command": job.command,
        "stdin": job.stdin,
        "env": [list(pair) for pair in job.env],
        "schedule": job.schedule.as_table(),
        "delay": job.delay,
        **{name: getattr(policy, name) for name in _ENFORCED},
    }


def _trigger_lines(jobs: Iterable[Job]) -> list[str]:
    """A comment and one or more lines for each group of jobs with the same time fields, in their order."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        if not job.schedule.reboot:
            groups.setdefault(job.schedule.text, []).append(job)
    triggers = {times: list(_triggers(times, group)) for times, group in groups.items()}
    count = sum(map(len, triggers.values()))
    if count > LAST_LINE - 2:
        hint = "spread the jobs over several boxes, or give more of them the same time fields"
        raise CrontabRefused(f"{count} different schedules are more than cron reads from one file", hint=hint)
    with_sources = count + len(groups) <= LAST_LINE - 2
    return [line for times, group in groups.items() for line in _block(group, triggers[times], with_sources)]


def _block(group: Sequence[Job], triggers: list[str], with_sources: bool) -> list[str]:
    sources = " ".join(dict.fromkeys(_printable(str(job.source)) for job in group))
    return [f"# source {sources}", *triggers] if with_sources else triggers


def _triggers(times: str, group: Sequence[Job]) -> Iterator[str]:
    """Trigger lines within cron's longest command; names mean nothing to cron and sh."""
    command = "echo"
    for job in group:
        if len(command) + 1 + len(job.name) + len(_REDIRECTION) > LONGEST_COMMAND:
            yield f"{times} root {command}{_REDIRECTION}"
            command = "echo"
        command += f" {job.name}"
    yield f"{times} root {command}{_REDIRECTION}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
