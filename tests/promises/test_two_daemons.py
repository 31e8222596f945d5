"""Two daemons on one PostgreSQL: one leads, the other takes over in time, and the first does nothing more."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import Postgres
from tests.postgres import Server, running
from tests.project import Project, wait_until
from tests.wire import Wire

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.xdist_group("two-daemons")]

CRONTAB = """\
# cronbox: name=count overlap=allow
0 0 1 1 * root echo "$CRONBOX_RUN_ID" | tee -a /data/truth
"""
TAKEN_OVER_S = 15.0


class Pair:
    """A project with daemons `a` and `b`, as on two hosts; `a` leads, and has a wire of its own."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project = project
        url = Postgres(lambda: server).url()
        self.wire = Wire(server.port)
        far = url.replace(f":{server.port}/", f":{self.wire.port}/")
        for name, where in (("config.toml", url), ("a.toml", far), ("b.toml", url)):
            text = f'[cronbox]\nproject = "{project.name}"\ndatabase = "{where}"\n'
            (project.root / name).write_text(text)
        project.crontab("etl/jobs", CRONTAB)
        project.cli("up")
        self.a = self.start("a")
        wait_until(lambda: self.told("a", "lease_taken"))
        self.b = self.start("b")
        wait_until(lambda: self.told("b", "daemon_waiting"))

    def start(self, name: str) -> subprocess.Popen[bytes]:
        return self.project.start_daemon(config=f"{name}.toml", log=f"{name}.log")

    def told(self, name: str, event: str) -> list[dict[str, Any]]:
        """What a daemon's log says of an event."""
        lines = (self.project.root / f"{name}.log").read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [told for told in events if told["event"] == event]

    def taken_over(self) -> float:
        """Wait until `b` leads -> after how many seconds."""
        began = time.monotonic()
        wait_until(lambda: self.told("b", "lease_taken"), within=TAKEN_OVER_S)
        return time.monotonic() - began

    def fire(self, times: int = 1) -> None:
        for _ in range(times):
            self.project.fire("etl", "count")

    def truth(self) -> list[str]:
        return self.project.inside("etl", "sh", "-c", "cat /data/truth || true").split()

    def on_record(self, runs: int) -> None:
        """So many runs were done, and are in the store, each once."""
        wait_until(lambda: len(self.truth()) == runs)
        wait_until(lambda: len(self.project.runs("--status", "succeeded", "-n", "100")) == runs)
        ids = Counter(run["id"] for run in self.project.runs("-n", "100"))
        assert ids == Counter(self.truth())

    def end(self) -> None:
        for daemon in (self.a, self.b):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGCONT)
                daemon.terminate()
        try:
            for daemon in (self.a, self.b):
                daemon.wait(timeout=20)
        finally:
            self.wire.remove()


@pytest.fixture
def pair(project: Project, postgres: Server) -> Iterator[Pair]:
    made = Pair(project, postgres)
    yield made
    made.end()


def test_a_second_daemon_waits_and_says_for_whom(pair: Pair) -> None:
    (waiting,) = pair.told("b", "daemon_waiting")
    assert waiting["leader"].startswith(f"process {pair.a.pid} on ")
    checks = pair.project.cli("doctor", ok=False).stdout
    assert f"process {pair.a.pid} on " in checks


def test_a_leader_that_ends_is_followed_at_once(pair: Pair) -> None:
    pair.fire(2)
    pair.a.terminate()
    assert pair.a.wait(timeout=10) == 0
    assert pair.taken_over() < 6
    pair.fire(2)
    pair.on_record(4)


def test_a_leader_that_is_killed_is_followed_in_time(pair: Pair) -> None:
    pair.fire(2)
    pair.a.kill()
    pair.fire(2)
    pair.taken_over()
    pair.fire(2)
    pair.on_record(6)


def test_a_leader_that_hangs_is_followed_in_time_and_does_nothing_when_it_wakes(pair: Pair) -> None:
    pair.fire(2)
    pair.a.send_signal(signal.SIGSTOP)
    pair.fire(2)
    pair.taken_over()
    pair.project.crontab("etl/jobs", CRONTAB + "# cronbox: name=more\n0 0 1 1 * root true\n")
    wait_until(lambda: pair.told("b", "crontab_installed"))
    installed = len(pair.told("a", "crontab_installed"))
    pair.a.send_signal(signal.SIGCONT)
    wait_until(lambda: pair.told("a", "daemon_waiting"))
    assert pair.told("a", "lease_lost")
    pair.fire(2)
    pair.on_record(6)
    assert len(pair.told("a", "crontab_installed")) == installed


def test_a_leader_that_is_cut_off_is_followed_in_time_and_stands_down(pair: Pair) -> None:
    pair.fire(2)
    pair.wire.cut()
    pair.fire(2)
    pair.taken_over()
    wait_until(lambda: pair.told("a", "lease_lost"))
    pair.wire.mend()
    wait_until(lambda: pair.told("a", "daemon_waiting"), within=60)
    pair.fire(2)
    pair.on_record(6)


@pytest.mark.slow
def test_a_daemon_outlives_a_postgresql_that_is_gone_and_loses_nothing(project: Project) -> None:
    with running() as server:
        project.configure_cronbox(f'database = "{server.url(server.database())}"\n', "")
        project.crontab("etl/jobs", CRONTAB)
        project.cli("up")
        with project.daemon() as daemon:
            for fired, (number, gone_s) in enumerate([(signal.SIGQUIT, 1), (signal.SIGQUIT, 45)], 1):
                project.fire("etl", "count")
                server.stop(number)
                project.fire("etl", "count")
                time.sleep(gone_s)
                project.fire("etl", "count")
                server.start()
                runs = 3 * fired
                wait_until(lambda runs=runs: len(project.runs("--status", "succeeded")) == runs, within=60)
            assert daemon.poll() is None
            truth = project.inside("etl", "cat", "/data/truth").split()
            assert Counter(run["id"] for run in project.runs()) == Counter(truth)
