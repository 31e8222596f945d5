"""Which module holds which command. A room is opened when one of its commands is called, listed or completed.

A command that is waited for pays for itself only: the modules of all the others, and what typer makes of
them, are a quarter of a small command's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer.main
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter

ROOMS = {
    "boxes": "up down restart sync ps cat exec shell",
    "jobs": "jobs pause resume",
    "next": "next",
    "check": "check",
    "run": "run rerun",
    "backfill": "backfill",
    "runs": "runs show kill",
    "results": "results metrics",
    "logs": "logs",
    "notify": "notify",
    "project": "init daemon doctor",
    "db": "db",
    "prune": "prune",
    "imports": "import",
}
"""The commands of each module, in the order of the help."""
_ROOM_OF = {name: room for room, names in ROOMS.items() for name in names.split()}


class Commands(Mapping[str, "Command"]):
    """Every command by its name; made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._made:
            self._made |= commands_in(_ROOM_OF[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_ROOM_OF)

    def __len__(self) -> int:
        return len(_ROOM_OF)


class Rooms(TyperGroup):
    """`cronbox`: its commands are those of ROOMS."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": Commands()})

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [_spared(parameter) for parameter in super().get_params(ctx)]


class LeanCommand(TyperCommand):
    """A command of typer's that does not import pydantic for what is text already."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [_spared(parameter) for parameter in super().get_params(ctx)]


def commands_in(room: str) -> dict[str, Command]:
    """What a module of this package has made with `@app.command`."""
    app: typer.Typer = import_module(f"cronbox.cli.{room}").app
    for registered in app.registered_commands:
        registered.cls = LeanCommand
    return dict(typer.main.get_group(app).commands)


def _spared(parameter: Parameter) -> Parameter:
    """typer has pydantic look at every value, given or not, and its import takes as long as all the rest."""
    if "process_value" not in vars(parameter):
        parameter.process_value = _reader_of(parameter)  # type: ignore[method-assign, assignment]
    return parameter


def _reader_of(parameter: Parameter) -> Callable[[Context, Any], Any]:
    """typer's own way with a value, for one that is missing or is to become more than text."""
    read_by_typer = parameter.process_value
    described = getattr(parameter, "type_descriptor", None)
    is_text = described is not None and described.annotation in (str, list[str])

    def read(ctx: Context, value: Any) -> Any:
        if (parameter.required and not value) or not (is_text or value is None):
            return read_by_typer(ctx, value)
        return parameter.callback(ctx, parameter, value) if parameter.callback else value

    return read
