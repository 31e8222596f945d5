"""`cronbox doctor` before a real box, in which one thing after the other is broken."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("doctor")]

CONFIG = """
[boxes.etl]
scripts = "scripts"
env = { PLAIN = "planted-plain-value" }
[boxes.etl.secrets]
PG = { file = "secret" }
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Project]:
    """A project whose box `etl` is up, with a mounted folder and a secret."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "secret").write_text("planted-secret-value")
    project = Project(tmp_path, f"test-doctor-{os.getpid()}", CONFIG)
    project.crontab("etl/jobs", "# cronbox: name=say\n0 0 1 1 * root echo said\n")
    project.cli("up")
    yield project
    project.clean()


def checks(box: Project) -> dict[str, dict[str, Any]]:
    """The findings on the box, by check."""
    said = box.cli("doctor", "--json", ok=False)
    return {found["check"]: found for found in json.loads(said.stdout)["checks"] if found["box"] == "etl"}


def test_each_thing_that_breaks_in_a_box_is_found(box: Project) -> None:
    well = checks(box)
    looked = ("agent", "fifo", "log", "clock", "mounts", "delivered", "image", "wanted", "installed")
    assert {name: well[name]["level"] for name in looked} == dict.fromkeys(looked, "ok")
    agent = box.box("etl").attrs["State"]["Pid"]
    os.kill(agent, signal.SIGSTOP)
    try:
        assert "stopped by a signal" in checks(box)["fifo"]["message"]
    finally:
        os.kill(agent, signal.SIGCONT)
    shutil.rmtree(box.root / "scripts")
    (box.root / "scripts").mkdir()
    assert checks(box)["mounts"]["message"] == "/scripts was deleted on the host"
    box.inside("etl", "rm", "/run/cronbox/trigger")
    assert checks(box)["fifo"]["message"] == "is gone, so no job can start"


def test_the_bundle_of_a_real_box_has_its_container_and_none_of_its_values(box: Project) -> None:
    box.cli("doctor", "--bundle", "b.tar.gz", ok=False)
    with tarfile.open(box.root / "b.tar.gz") as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        texts = {name: file.read() for name, file in files.items() if file}
    inspected = texts["cronbox-bundle/inspect.json"]
    assert b'"PLAIN"' in inspected and b'"/scripts"' in inspected
    assert not [name for name, text in texts.items() if b"planted" in text]
