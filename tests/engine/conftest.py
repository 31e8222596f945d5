"""Both engines, the fake and the real one, and boxes that do nothing until they are told to stop."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cronbox.engine import Engine, Image
from cronbox.engine.docker import DockerEngine
from cronbox.errors import EngineError
from cronbox.model.box import BoxSpec, Recipe
from tests.fakes.engine import FakeEngine
from tests.project import wait_until

IDLE_AGENT = b"""\
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
open("/run/ready", "w").close()
while True:
    signal.pause()
"""

ROOT = Path(__file__).parents[2]


def a_recipe(**changes: object) -> Recipe:
    """A box on Dockerfile.base, with an agent that only waits for SIGTERM."""
    base = (ROOT / "Dockerfile.base").read_bytes()
    given: dict[str, object] = {"base_image": "debian:bookworm-slim", "base_dockerfile": base}
    return Recipe(**(given | {"agent": (("launcher.py", IDLE_AGENT),)} | changes))  # type: ignore[arg-type]


class Workshop:
    """An engine, a project of its own, and what it takes to make boxes there and to clean up."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.project = f"test-{secrets.token_hex(4)}"
        self._image: Image | None = None

    @property
    def image(self) -> Image:
        """Release 1 of box `etl`, built once."""
        if self._image is None:
            self._image = self.build(a_recipe())
        return self._image

    def build(self, recipe: Recipe, *, release: int = 1, progress: Callable[[str], None] = print) -> Image:
        return self.engine.build(recipe, project=self.project, box="etl", release=release, progress=progress)

    def spec(self, **changes: object) -> BoxSpec:
        given: dict[str, object] = {
            "project": self.project,
            "box": "etl",
            "image": self.image.id,
            "release": 1,
        }
        return BoxSpec(**(given | {"timezone": "Europe/Berlin"} | changes))  # type: ignore[arg-type]

    def create(self, **changes: object) -> str:
        return self.engine.create(self.spec(**changes))

    def start(self, container: str) -> None:
        """Start, and wait until PID 1 listens to signals: before that it ignores them."""
        self.engine.start(container)
        wait_until(lambda: self.engine.exec(container, ["test", "-e", "/run/ready"]).exit_code == 0)

    def running(self, **changes: object) -> str:
        """A started box."""
        container = self.create(**changes)
        self.start(container)
        return container

    def remove_boxes(self) -> None:
        for seen in self.engine.boxes(self.project):
            self.engine.remove(seen.container)
            self.engine.remove_volumes(self.project, seen.box)
        self.engine.remove_volumes(self.project, "etl")

    def remove_images(self) -> None:
        for image in self.engine.images(self.project):
            with suppress(EngineError):
                self.engine.remove_image(image)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    engine = DockerEngine.connect(None)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def docker_workshop(docker_engine: DockerEngine) -> Iterator[Workshop]:
    workshop = Workshop(docker_engine)
    yield workshop
    workshop.remove_boxes()
    workshop.remove_images()


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.engine)])
def either(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """The same promises are asked of both."""
    fake = request.param == "fake"
    workshop = Workshop(FakeEngine()) if fake else request.getfixturevalue("docker_workshop")
    yield workshop
    workshop.remove_boxes()


@pytest.fixture
def real(docker_workshop: Workshop) -> Iterator[Workshop]:
    """A real Docker Engine, for what a fake cannot show."""
    yield docker_workshop
    docker_workshop.remove_boxes()
