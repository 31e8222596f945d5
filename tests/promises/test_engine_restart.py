"""The engine goes and comes back: the daemon survives it, the boxes return, the record is whole.

On an engine of the test's own, so that no other test loses its containers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine-restart")]

CRONTAB = """\
# cronbox: name=long
0 0 1 1 * root echo begun; exec sleep 600
# cronbox: name=short
0 0 1 1 * root echo quick
"""


class OwnEngine:
    """A dockerd with a socket, state and network of its own; else it would take `docker0` away."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = f"unix://{root}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        root = self.root
        command = ["unshare", "--net", "dockerd", "--host", self.url, "--pidfile", f"{root}/pid"]
        command += ["--data-root", f"{root}/data", "--exec-root", f"{root}/exec"]
        command += ["--bridge", "none", "--iptables=false", "--ip-masq=false"]
        with (root / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._answers, within=60)

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
        self._process.wait(timeout=60)

    def docker(self, *args: str, check: bool = False, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", "--host", self.url, *args], check=check, capture_output=True, **options
        )

    def _answers(self) -> bool:
        return self.docker("version").returncode == 0


@pytest.fixture
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    engine = OwnEngine(tmp_path_factory.mktemp("e"))
    engine.start()
    yield engine
    engine.stop()


def test_a_restart_of_the_engine_loses_nothing_that_was_on_record(
    make_project: Callable[..., Project], own_engine: OwnEngine
) -> None:
    project = make_project()
    project.crontab("etl/jobs", CRONTAB)
    _carry_image(project, own_engine)
    project.configure_cronbox(f'docker_url = "{own_engine.url}"\n', "[boxes.etl]\nnetwork = 'none'\n")
    project.cli("up")
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


def _carry_image(project: Project, engine: OwnEngine) -> None:
    """Build on the common engine, whose containers reach a network, and carry the image over."""
    project.cli("up")
    image = project.box("etl").image
    archive = subprocess.run(["docker", "save", *image.tags], capture_output=True, check=True)
    engine.docker("load", input=archive.stdout, check=True)
    project.cli("down", "--volumes")
