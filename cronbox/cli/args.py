"""What arguments mean: a moment, `BOX/JOB`, and the options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cronbox.cli import complete
from cronbox.errors import UsageError
from cronbox.model.durations import parse_duration
from cronbox.model.moments import parse_moment as parse_moment

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from cronbox.model.crontab import Format

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Boxes = Annotated[
    list[str] | None,
    typer.Argument(metavar="[BOX]...", help="Boxes; all when none is named.", autocompletion=complete.boxes),
]
Box = Annotated[str, typer.Argument(metavar="BOX", help="A box.", autocompletion=complete.boxes)]
BoxOrJob = Annotated[
    str, typer.Argument(metavar="BOX[/JOB]", help="A box, or one job of it.", autocompletion=complete.targets)
]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.", autocompletion=complete.run_ids)
]
JobName = Annotated[str, typer.Argument(metavar="BOX/JOB", help="A job.", autocompletion=complete.job_names)]
Count = Annotated[int | None, typer.Option("-n", "--number", min=1, metavar="N", help="At most so many.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="T", help="From then on: 2h (ago), 2026-11-23 or RFC 3339.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="T", help="Before then: 2h (ago), 2026-11-23 or RFC 3339.")
]
UserCrontab = Annotated[
    bool,
    typer.Option(
        "--user-crontab", help="Files are users' own, as `crontab -e` edits: no user before the command."
    ),
]


VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST_PARAMETERS = 100_000
"""Characters of variables and arguments in all: what every system hands to a program, and a row holds."""


@dataclass(frozen=True, slots=True)
class Target:
    """`BOX` or `BOX/JOB`."""

    box: str
    job: str | None = None

    def __str__(self) -> str:
        return self.box if self.job is None else f"{self.box}/{self.job}"


def parse_target(text: str) -> Target:
    """`etl` or `etl/load-orders`. Raises UsageError."""
    box, slash, job = text.partition("/")
    if not text.isprintable() or not box or (slash and not job) or "/" in job:
        raise UsageError(
            f"{text!r} is not a box or a job", hint="write BOX or BOX/JOB, as in `etl/load-orders`"
        )
    return Target(box, job or None)


def parse_job(text: str) -> tuple[str, str]:
    """`etl/load-orders` -> its two parts. Raises UsageError."""
    target = parse_target(text)
    if target.job is None:
        raise UsageError(
            f"{text!r} is a box, not a job", hint=f"write {text}/JOB; `cronbox jobs {text}` lists them"
        )
    return target.box, target.job


def parse_env(given: Sequence[str], args: Sequence[str]) -> dict[str, str]:
    """`K=V` of a run -> its variables. Raises UsageError, also where they and its arguments are too long."""
    env: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not VARIABLE.fullmatch(name):
            raise UsageError(f"--env {text!r} is not a variable", hint="write NAME=VALUE")
        if name.startswith("CRONBOX_"):
            raise UsageError(f"--env: {name} is not yours to set", hint="CRONBOX_ variables tell of the run")
        env[name] = value
    if sum(map(len, [*env, *env.values(), *args])) > LONGEST_PARAMETERS:
        raise UsageError(
            "more variables and arguments than a run takes", hint="write them to a file, and give its name"
        )
    return env


def parse_span(text: str, *, option: str) -> timedelta:
    """`2h` -> the span. Raises UsageError."""
    try:
        return timedelta(seconds=parse_duration(text))
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def parse_zone(name: str | None) -> ZoneInfo | None:
    """`Europe/Berlin` -> the zone. Raises UsageError."""
    if name is None:
        return None
    from zoneinfo import ZoneInfo, available_timezones

    if name not in available_timezones():
        raise UsageError(f"--zone: no time zone {name!r}", hint="write it as in Europe/Berlin")
    return ZoneInfo(name)


def path_of(word: str) -> Path:
    """What a PATH names; `-` is what is piped in."""
    return Path("/dev/stdin" if word == "-" else word)


def crontab_format(user_crontab: bool) -> Format:
    """What `--user-crontab` says of the files."""
    return "user" if user_crontab else "system"
