"""The engine goes and comes back: the daemon survives it, the boxes return, the record is whole.

On an engine of the test's own, so that no other test loses its containers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.own_engine import OwnEngine
from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine-restart")]

CRONTAB = """\
# cronbox: name=long
0 0 1 1 * root echo begun; exec sleep 600
# cronbox: name=short
0 0 1 1 * root echo quick
"""


@pytest.fixture
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    engine = OwnEngine(tmp_path_factory.mktemp("e"))
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def project(make_project: Callable[..., Project], own_engine: OwnEngine) -> Project:
    """A project whose box is up on the engine of its own."""
    made = make_project()
    made.crontab("etl/jobs", CRONTAB)
    _carry_image(made, own_engine)
    made.configure_cronbox(f'docker_url = "{own_engine.url}"\n', "[boxes.etl]\nnetwork = 'none'\n")
    made.cli("up")
    return made


def test_a_restart_of_the_engine_loses_nothing_that_was_on_record(
    project: Project, own_engine: OwnEngine
) -> None:
    with project.daemon() as daemon:
        project.cli("run", "etl/long")
        wait_until(lambda: project.runs("etl/long", "--status", "running"))
        own_engine.stop()
        time.sleep(3)
        assert daemon.poll() is None
        own_engine.start()
        [run] = wait_until(lambda: [run for run in project.runs("etl/long") if run["finished_at"]], within=60)
        assert run["status"] in ("lost", "killed") and run["reason"]
        wait_until(lambda: project.json("ps")[0]["state"] == "running", within=60)
        project.cli("run", "etl/short", "--wait")
        wait_until(lambda: project.runs("etl/short", "--status", "succeeded"))
    project.cli("down")


def test_a_box_that_the_engine_was_removing_when_it_died_is_made_anew(
    project: Project, own_engine: OwnEngine
) -> None:
    project.cli("run", "etl/short", "--wait")
    [wreck] = own_engine.docker("ps", "-q", "--no-trunc").stdout.decode().split()
    own_engine.stop()
    _half_remove(own_engine, wreck)
    own_engine.start()
    assert own_engine.docker("start", wreck).returncode != 0
    project.cli("up")
    assert own_engine.docker("ps", "-q", "--no-trunc").stdout.decode().split() != [wreck]
    project.cli("run", "etl/short", "--wait")
    assert len(project.runs("etl/short", "--status", "succeeded")) == 2
    project.cli("down")


def _half_remove(engine: OwnEngine, container: str) -> None:
    """What an engine that died while it removed a container finds when it starts."""
    file = engine.root / "data" / "containers" / container / "config.v2.json"
    config = json.loads(file.read_text())
    config["State"] |= {"Dead": True, "Running": False}
    file.write_text(json.dumps(config))


def _carry_image(project: Project, engine: OwnEngine) -> None:
    """Build on the common engine, whose containers reach a network, and carry the image over."""
    project.cli("up")
    [tag] = project.box("etl").image.tags
    engine.carry(tag)
    project.cli("down", "--volumes")
