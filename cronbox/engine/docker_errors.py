"""The one place where the Docker SDK's errors become cronbox's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3.exceptions
from docker.errors import APIError, DockerException
from docker.errors import NotFound as NotFoundByEngine
from requests.exceptions import RequestException

from cronbox.errors import EngineError, NoEngine, NotFound

START_HINT = "start Docker, or name the engine to use: docker_url in config.toml, or DOCKER_HOST"
RIGHTS_HINT = "this user may not open the engine's socket: join the group docker, or become root"


@contextmanager
def translated(failing: str) -> Iterator[None]:
    """Raise NoEngine, NotFound or EngineError for what the SDK raises inside.

    `failing` says what could not be done: `cannot start box etl`.
    """
    try:
        yield
    except NotFoundByEngine as error:
        raise NotFound(f"{failing}: {explanation(error)}") from error
    except APIError as error:
        raise EngineError(f"{failing}: {explanation(error)}") from error
    except DockerException as error:
        raise _of_sdk(failing, error) from error
    except (RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise no_engine(failing, error) from error


def no_engine(failing: str, error: BaseException) -> NoEngine:
    """The error for an engine that does not answer, with the hint that fits its cause."""
    denied = any(isinstance(cause, PermissionError) for cause in _causes(error))
    return NoEngine(f"{failing}: the engine does not answer", hint=RIGHTS_HINT if denied else START_HINT)


def explanation(error: APIError) -> str:
    """The engine's own words, on one line."""
    return " ".join(str(error.explanation or error).split())


def _of_sdk(failing: str, error: DockerException) -> NoEngine | EngineError:
    """The SDK wraps a refused connection in its base class when it asks for the engine's version."""
    if any(isinstance(cause, RequestException) for cause in _causes(error)):
        return no_engine(failing, error)
    return EngineError(f"{failing}: {' '.join(str(error).split())}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it: requests and urllib3 put the cause into `args` too."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, *current.args)
        waiting += [cause for cause in linked if isinstance(cause, BaseException)]
