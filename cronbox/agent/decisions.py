"""What `core` decides, as values; `serve` carries them out in their order."""

from __future__ import annotations

from typing import Any, NamedTuple

from .request import Request


class Start(NamedTuple):
    request: Request
    last_success: str | None
    """When the job's last run that succeeded began; UTC, as an event's `t`."""


class Wait(NamedTuple):
    """The run is queued. `due` is when it will be looked at again at the latest, epoch seconds."""

    request: Request
    reason: str
    due: float | None


class Skip(NamedTuple):
    request: Request
    reason: str


class Cancel(NamedTuple):
    """A waiting run is killed before it began."""

    request: Request
    reason: str


class Stop(NamedTuple):
    """End this run with SIGTERM; `status` and `reason` are what its end shall say."""

    run: str
    status: str
    reason: str


class Kill(NamedTuple):
    """SIGTERM was not enough for this run."""

    run: str


class Say(NamedTuple):
    """Write an event."""

    kind: str
    fields: dict[str, Any]


class Quit(NamedTuple):
    """Nothing runs any more, and nothing shall."""

    reason: str


Decision = Start | Wait | Skip | Cancel | Stop | Kill | Say | Quit
