"""Variables of a job: lines of its crontab where a line can say it, else keys of its box."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cronbox.model.importing.draft import Notes, Part, Place, Text
from cronbox.model.importing.hosts import is_secret, note_variable
from cronbox.model.importing.lines import env_line


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. Its value is None where the source does not hold it; `origin` tells what does."""

    name: str
    value: str | None
    place: Place
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where variables go."""

    lines: tuple[Part, ...] = ()
    """Of the job's own crontab file."""
    env: tuple[tuple[str, str], ...] = ()
    """Of the box, in config.toml."""
    env_file: tuple[str, ...] = ()
    """Of the box, in a file that stays out of version control."""


def placed(
    variables: Iterable[Variable], notes: Notes, *, in_box: bool = False, secrets_in_lines: bool = False
) -> Environment:
    """Each variable in its place; a later one of the same name wins.

    `in_box` leaves the crontab alone; `secrets_in_lines` leaves there what stood in a crontab before.
    """
    lines: list[Part] = []
    env: list[tuple[str, str]] = []
    env_file: list[str] = []
    for variable in {variable.name: variable for variable in variables}.values():
        name, value = variable.name, variable.value
        if value is None:
            env_file += _unknown(variable, notes)
        elif not secrets_in_lines and is_secret(name, value) and _fits_env_file(name, value):
            todo = "it stands in the box's env_file: keep that out of version control"
            notes.check(variable.place, f"{name} looks like a secret", todo)
            env_file.append(f"{name}={value}")
        elif not in_box and (line := env_line(name, value)) is not None:
            note_variable(name, value, variable.place, notes)
            lines.append(Text(variable.place, line))
        else:
            note_variable(name, value, variable.place, notes)
            env.append((name, value))
    return Environment(tuple(lines), tuple(env), tuple(env_file))


def _unknown(variable: Variable, notes: Notes) -> list[str]:
    """A bare name in an env_file takes cronbox's own value, or none."""
    what = f"{variable.name}: its value stands in {variable.origin}"
    notes.left_out(variable.place, what, f"write it behind {variable.name} in the box's env_file")
    if not _fits_env_file(variable.name, ""):
        return []
    return [f"# {' '.join(variable.origin.split())}", variable.name]


def _fits_env_file(name: str, value: str) -> bool:
    """Whether docker's env-file format can say this: one line, as it stands."""
    line = f"{name}={value}"
    return bool(name) and name.isprintable() and not set(name) & set("=# \t") and line.splitlines() == [line]
