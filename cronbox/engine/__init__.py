"""Where boxes live. This package is the only place that knows a container SDK.

`Engine` is the seam: one module for each engine implements it, and everything above speaks only this.
All calls are synchronous and safe to use from several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, Self, TypeVar

from cronbox.model.box import BoxSpec, Recipe, SeenBox

LABEL_PROJECT = "cronbox.project"
LABEL_BOX = "cronbox.box"
LABEL_RELEASE = "cronbox.release"
LABEL_RECIPE = "cronbox.recipe"
LABEL_DIGEST = "cronbox.digest"

AGENT = ("/usr/bin/python3", "-IS", "/usr/lib/cronbox")
"""The agent in the box; a verb of docs/agent.md follows."""

Progress = Callable[[str], None]
"""Receives one readable line of a build's or pull's progress at a time."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    version: str
    os: str
    cpus: int
    memory: int
    now: datetime | None
    """The engine host's clock, aware UTC, for the skew check."""
    root: str | None = None
    """The folder on the engine's host with its images and volumes."""


@dataclass(frozen=True, slots=True)
class Image:
    """One built image of a box. `tag` is `cronbox/<project>-<box>:<release>`."""

    id: str
    box: str
    release: int
    recipe: str
    tag: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


EngineAction = Literal["start", "die", "oom", "destroy", "pause", "unpause"]


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of disk: what the container has written beside its volumes, and the image under it."""

    written: int
    image: int


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened to a box. `die` has an `exit_code`."""

    at: datetime
    box: str
    container: str
    action: EngineAction
    exit_code: int | None = None


T_co = TypeVar("T_co", covariant=True)


class Stream(Protocol[T_co]):
    """What comes from a box or an engine, as it comes; open from its making until it is closed.

    One thread iterates. Leaving the context closes it; so does `close`, from any thread and as often as
    one likes, and that ends the iteration at once.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def __iter__(self) -> Self: ...

    def __next__(self) -> T_co: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """What cronbox needs of an engine.

    Errors: NoEngine when it does not answer, NotFound for what is not there, BoxNotRunning for an exec in
    a box that stands still, EngineError for the rest.
    """

    def info(self) -> EngineInfo: ...

    def ensure_image(self, reference: str, progress: Progress) -> str:
        """The image's id; pulled if it is absent. NotFound if it cannot be had."""
        ...

    def build(self, recipe: Recipe, *, project: str, box: str, release: int, progress: Progress) -> Image:
        """Build and tag one release of a box's image. A failed build is an EngineError whose `problems` are
        its last lines."""
        ...

    def images(self, project: str, box: str | None = None) -> list[Image]:
        """Built releases, newest first."""
        ...

    def remove_image(self, image: Image) -> None:
        """Remove a release; removing what is gone does nothing. EngineError while a container uses it."""
        ...

    def boxes(self, project: str) -> list[SeenBox]:
        """Every container of the project, running or not, by box name."""
        ...

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of a container and a bug report may show: state, limits, mounts, and the
        names of its variables, without their values."""
        ...

    def sizes(self, project: str) -> dict[str, Size]:
        """How much disk each box's container takes, by box name. Slow: the engine counts files."""
        ...

    def create(self, spec: BoxSpec) -> str:
        """Make the container and its volumes (log, data, secrets), without starting it -> container id.

        The memory limit is the limit: no swap comes on top."""
        ...

    def start(self, container: str) -> None: ...

    def stop(self, container: str, *, timeout: int) -> None:
        """SIGTERM, wait up to `timeout` seconds, SIGKILL. Stopping what stands still does nothing."""
        ...

    def remove(self, container: str) -> None:
        """Remove the container, running or not; volumes stay. Removing what is gone does nothing."""
        ...

    def remove_volumes(self, project: str, box: str) -> None:
        """Remove the box's log, data and secrets for good. EngineError while a container uses them."""
        ...

    def exec(
        self, container: str, argv: Sequence[str], *, stdin: bytes = b"", user: str = "root"
    ) -> ExecResult:
        """Run a command in a running box, feed it `stdin`, wait for its end. No shell is involved."""
        ...

    def stream(self, container: str, argv: Sequence[str]) -> Stream[bytes]:
        """The stdout of a long-lived command as it comes, in chunks. Closing it closes the command's
        stdin, which is what ends the command; so does the death of this process, however it dies.

        The iteration ends with the command, with its box, or by closing. It raises EngineError, with the
        end of stderr, when the command failed by itself."""
        ...

    def read_log(self, container: str) -> Iterator[tuple[str, bytes]]:
        """(file name, content) of each file in the box's /log, also of a box that stands still: first
        what is no segment, then these, oldest first, then `cron.log` (see docs/agent.md for the names)."""
        ...

    def events(self, project: str) -> Stream[EngineEvent]:
        """Events of the project's boxes from now on, none lost, until the engine goes away (the iteration
        ends) or the stream is closed."""
        ...

    def interactive(
        self, container: str, argv: Sequence[str], *, user: str = "root", tty: bool = False
    ) -> int:
        """Run a command with this process's own stdin, stdout and stderr -> its exit code."""
        ...
