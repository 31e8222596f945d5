"""A run that fails in a real box is told once, and that it runs again, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.listener import Listener
from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("notified")]

CRONTAB = """\
# cronbox: name=load
0 0 1 1 * root echo looking; test -e /data/good || exit 3
"""


@pytest.fixture
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.close()


def test_a_failure_and_the_recovery_after_it_are_one_message_each(
    project: Project, listener: Listener
) -> None:
    project.crontab("etl/jobs", CRONTAB)
    project.configure(
        f'[[notify]]\nname = "ops"\nafter = 2\nurl = "json://u:hunter2@{listener.address}/hook"\n'
        f'[[ping]]\nurl = "http://{listener.address}/ping"\n'
        f'[daemon]\nping_url = "http://{listener.address}/alive"\n'
    )
    project.cli("up")
    with project.daemon():
        for code in (3, 3, 3):
            project.cli("run", "etl/load", "--wait", ok=code == 0)
        project.inside("etl", "touch", "/data/good")
        for _ in range(2):
            project.cli("run", "etl/load", "--wait")
        wait_until(lambda: len(listener.titles) == 2)
        wait_until(lambda: listener.paths.count("/ping/fail") == 3 and listener.paths.count("/ping") == 2)
        wait_until(lambda: {row["state"] for row in project.json("notify", "log")} <= {"sent", "superseded"})
        wait_until(lambda: "/alive" in listener.paths)
    assert listener.titles == ["etl/load failed (exit code 3)", "etl/load recovered"]
    assert "  looking" in listener.messages[0]["message"]
    assert "hunter2" not in (project.root / "daemon.log").read_text() + project.cli("notify", "log").stdout
