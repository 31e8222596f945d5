"""What every measurement gets: how long it may take, where to say how it goes, and boxes that are shared."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import docker

from benchmarks.figures import Row
from benchmarks.fleet import Fleet, running_fleet
from tests.project import Project


class Skip(Exception):
    """This cannot be measured here; the text says why."""


class Bench:
    """One call of the benchmarks. Leaving it removes everything that it made on the engine."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self._begun = time.monotonic()
        self._made = ExitStack()

    def __enter__(self) -> Bench:
        self.root = Path(self._made.enter_context(tempfile.TemporaryDirectory(prefix="cronbox-bench-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.close()

    def say(self, line: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self._begun:6.1f} s  {line}", flush=True)

    def times(self, full: int, quick: int) -> int:
        """How often, or how long: `full`, or less when it is to be quick."""
        return quick if self.quick else full

    def project(self, word: str, config: str = "") -> Project:
        """A project of its own on the engine, gone at the end."""
        project = Project(self.root / word, f"bench-{os.getpid()}-{word}", config)
        self._made.callback(project.clean)
        return project

    def container(self, word: str, image: str, entrypoint: list[str], **how: Any) -> Any:
        """A container beside the boxes, made but not started; gone at the end. Never taken for a box."""
        made = docker.from_env().containers.create(
            image,
            name=f"bench-{os.getpid()}-{word}",
            entrypoint=entrypoint,
            labels={"cronbox.bench": str(os.getpid()), "cronbox.project": ""},
            **how,
        )
        self._made.callback(made.remove, force=True)
        return made

    @cached_property
    def fleet(self) -> Fleet:
        """Ten boxes and a daemon, made at the first use."""
        self.say("ten boxes and a daemon")
        return self._made.enter_context(running_fleet(self.project("fleet")))


@dataclass(frozen=True, slots=True)
class Measurement:
    """A named part of the benchmarks."""

    name: str
    measure: Callable[[Bench], Iterator[Row]]
