"""Ten boxes and a daemon: what the measurements of the whole service look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronbox.config import load_config
from tests.project import Project, wait_until

BOXES = 10
JOB = "beat"
CRONTAB = f"# cronbox: name={JOB}\n0 0 1 1 * root true\n"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The project, the names of its boxes, and the daemon's process."""

    project: Project
    boxes: tuple[str, ...]
    daemon: int

    def container(self, box: str) -> Any:
        return self.project.box(box)

    @property
    def database(self) -> Path:
        return database_of(self.project)


def database_of(project: Project) -> Path:
    """The SQLite file of a project's store."""
    url = load_config(project.root / "config.toml").database_url
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def running_fleet(project: Project) -> Iterator[Fleet]:
    """Ten boxes that all the daemon's tails have caught up with."""
    boxes = tuple(f"b{number}" for number in range(BOXES))
    for box in boxes:
        project.crontab(f"{box}/jobs", CRONTAB)
    project.cli("up", timeout=900)
    with project.daemon() as daemon:
        for box in boxes:
            project.fire(box, JOB)
        wait_until(lambda: len(project.runs("--status", "succeeded", "-n", "100")) == BOXES, within=90)
        yield Fleet(project, boxes, daemon.pid)
