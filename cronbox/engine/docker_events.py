"""The engine's event stream, reduced to what happens to a project's boxes."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self, get_args

from docker.api import APIClient
from docker.errors import StreamParseError

from cronbox.engine import LABEL_BOX, LABEL_PROJECT, EngineAction, EngineEvent
from cronbox.engine.docker_errors import translated


class DockerEvents:
    """Stream[EngineEvent]. Listening from its making on."""

    def __init__(self, api: APIClient, project: str) -> None:
        with translated("cannot listen to the engine's events"):
            # The engine answers a moment before it listens; asking from its own present closes that gap.
            now = datetime.fromisoformat(api.info()["SystemTime"]).timestamp()
            since: Any = f"{now:.6f}"  # Fractions matter; the SDK's types know whole seconds only.
            self._stream: Any = api.events(since=since, filters=_filters(project), decode=True)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> EngineEvent:
        # The SDK ends the iteration when the connection breaks; half an event is no event.
        try:
            return _event(next(self._stream))
        except StreamParseError:
            raise StopIteration from None
        except (AttributeError, ValueError):
            # What reading from a response that another thread has closed comes to.
            if not self._closed:
                raise
            raise StopIteration from None

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(AttributeError, OSError):
            self._stream.close()  # It trips over a stream that has ended by itself.
        self._stream._response.close()


def _filters(project: str) -> dict[str, list[str]]:
    labels = [f"{LABEL_PROJECT}={project}", LABEL_BOX]
    return {"type": ["container"], "label": labels, "event": list(get_args(EngineAction))}


def _event(raw: dict[str, Any]) -> EngineEvent:
    attributes = raw["Actor"]["Attributes"]
    code = attributes.get("exitCode")
    return EngineEvent(
        at=datetime.fromtimestamp(raw["timeNano"] / 1e9, UTC),
        box=attributes[LABEL_BOX],
        container=raw["Actor"]["ID"],
        action=raw["Action"],
        exit_code=int(code) if code is not None else None,
    )
