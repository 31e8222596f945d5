"""Commands from outside as values. Raises BadCommand for what cannot be carried out."""

from __future__ import annotations

import re
from typing import Any

from .clock import epoch_seconds
from .request import Request, Trigger
from .table import Job

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OURS = "CRONBOX_"


class BadCommand(Exception):
    """A command cannot be carried out; the text says why."""


def text_of(fields: dict[str, Any], key: str) -> str:
    """A text that must be there."""
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise BadCommand(f"{key!r} is missing or not a string")
    return value


def request_from(fields: dict[str, Any], job: Job) -> Request:
    """The run that a `run` command asks for."""
    slot = fields.get("scheduled_for")
    origin = fields.get("origin")
    return Request(
        run=text_of(fields, "run"),
        job=job,
        trigger=Trigger.MANUAL,
        slot=None if slot is None else _minute(slot),
        origin=None if origin is None else text_of(fields, "origin"),
        patient=bool(fields.get("patient", False)),
        env=_env(fields.get("env") or {}),
        args=_args(fields.get("args") or []),
    )


def pause_of(fields: dict[str, Any], job: str) -> dict[str, Any]:
    """What the event `paused` says; `job` is empty for the whole box."""
    until = fields.get("until")
    try:
        if until is not None:
            epoch_seconds(until)
    except (TypeError, ValueError) as error:
        raise BadCommand(f"until: {error}") from error
    why, by = str(fields.get("why") or ""), str(fields.get("by") or "")
    return {"job": job or None, "until": until, "why": why, "by": by}


def _minute(text: object) -> int:
    try:
        seconds = int(epoch_seconds(text))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise BadCommand(f"scheduled_for: {error}") from error
    return seconds - seconds % 60


def _env(raw: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, dict):
        raise BadCommand("env is no object")
    for name, value in raw.items():
        if not VARIABLE.fullmatch(name) or name.startswith(OURS):
            raise BadCommand(f"env: {name!r} is not a name that a run may be given")
        if not isinstance(value, str) or "\0" in value:
            raise BadCommand(f"env: the value of {name} is not a text")
    return tuple(raw.items())


def _args(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(arg, str) and "\0" not in arg for arg in raw):
        raise BadCommand("args is no list of texts")
    return tuple(raw)
