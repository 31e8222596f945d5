"""A whole project to be wrecked: an engine, a store and daemons of its own, and boxes on small disks."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import docker

from tests.chaos.plan import CLOCK_BOX, Job, Plan
from tests.own_engine import OwnEngine
from tests.postgres import Server
from tests.project import Project, wait_until
from tests.wire import Wire

DISK = "size=64m"
LIBRARY, CLOCK = "/data/libfaketime.so", "/data/clock"
CLOCK_SETTINGS = f"""\
apt = ["libfaketime"]
[boxes.{CLOCK_BOX}.env]
LD_PRELOAD = "{LIBRARY}"
FAKETIME_TIMESTAMP_FILE = "{CLOCK}"
FAKETIME_NO_CACHE = "1"
FAKETIME_DONT_FAKE_MONOTONIC = "1"
NO_FAKE_STAT = "1"
"""


class World:
    """`root` holds everything: engine, project, what the jobs write down, and every log."""

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self.engine = OwnEngine(root / "e")
        self.wire = Wire(str(self.engine.socket))
        self.server = Server() if plan.postgresql else None
        self.project = Project(root / "project", f"chaos-{secrets.token_hex(3)}")
        self.daemons: list[subprocess.Popen[bytes] | None] = [None] * plan.daemons

    # -- made and taken away -------------------------------------------------------------------------------

    def build(self) -> None:
        """Everything up and running; cron takes the schedules up within the minute."""
        self.engine.root.mkdir()
        self.engine.start()
        shutil.copy(Path(__file__).with_name("job.sh"), self._folder("project/scripts") / "job")
        for box in self.plan.boxes:
            self.write_crontab(box)
            self._folder(f"truth/{box}")
        self.project.configure(self._boxes(network=None))
        self._carry_images()
        self._lay_disks()
        if self.server is not None:
            self.server.start()
        self.project.configure_cronbox(self._settings(), self._boxes(network="wild"))
        self.engine.docker("network", "create", "wild", check=True)
        self.project.cli("up", timeout=120)
        self._bend_clock()
        for number in range(self.plan.daemons):
            self.start_daemon(number)
        wait_until(lambda: all(box["cron"] for box in self.project.json("ps")), within=60)

    @contextmanager
    def built(self) -> Iterator[World]:
        with ExitStack() as end:
            end.callback(self.remove)
            self.build()
            yield self

    def remove(self) -> None:
        """Nothing stays but the files below `root`."""
        for number in range(self.plan.daemons):
            self.kill_daemon(number)
        with suppress(Exception):
            ids = self.engine.docker("ps", "-aq").stdout.decode().split()
            self.engine.docker("rm", "-f", *ids)
        with suppress(Exception):
            self.engine.stop()
        self._end_shims()
        self.wire.remove()
        if self.server is not None:
            self.server.remove()
        for mounted in reversed(_mounted_below(self.root)):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        self.project.clean()
        for part in ("data", "exec"):
            shutil.rmtree(self.engine.root / part, ignore_errors=True)

    def _end_shims(self) -> None:
        """An engine that died while it started a container may have left the container's keeper behind."""
        for pid in _pids():
            with suppress(OSError):
                if f"{self.engine.root}/exec/" in (Path("/proc") / str(pid) / "cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _settings(self) -> str:
        database = f'database = "{self.server.url(self.server.database())}"\n' if self.server else ""
        return f'docker_url = "tcp://127.0.0.1:{self.wire.port}"\nstate_dir = "{self.state}"\n{database}'

    def _boxes(self, *, network: str | None) -> str:
        """The boxes' sections; without a network where they are only built."""
        return "".join(
            f"[boxes.{box}]\nscripts = 'scripts'\nstop_grace = '1s'\n"
            + (f"network = '{network}'\n" if network else "")
            + f"mounts = [{{ source = '{self.root}/truth/{box}', target = '/truth' }}]\n"
            + (CLOCK_SETTINGS if box == CLOCK_BOX else "")
            for box in self.plan.boxes
        )

    def _carry_images(self) -> None:
        """Build on the common engine, whose containers reach a network."""
        self.project.cli("up", timeout=600)
        for container in self.project.boxes():
            [tag] = container.image.tags
            self.engine.carry(tag)
        self.project.cli("down", "--volumes")
        shutil.rmtree(self.project.root / ".cronbox")
        for truth in (self.root / "truth").glob("*/marks"):
            truth.unlink()

    def _lay_disks(self) -> None:
        """Each box's log, and the state folder, on a small disk in memory, which can be full."""
        self.state = self._disk("state")
        for box in self.plan.boxes:
            name = f"{self.project.name}-{box}-log"
            labels = ["--label", f"cronbox.project={self.project.name}", "--label", f"cronbox.box={box}"]
            options = ["--opt", "type=none", "--opt", "o=bind", "--opt", f"device={self._disk(f'log/{box}')}"]
            self.engine.docker("volume", "create", *labels, *options, name, check=True)

    def _disk(self, name: str) -> Path:
        folder = self._folder(f"disks/{name}")
        subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], check=True)
        return folder

    def _bend_clock(self) -> None:
        """From the box's next start on its clock can be set."""
        if CLOCK_BOX in self.plan.boxes:
            self.set_clock(0)
            copy = f"cp /usr/lib/*/faketime/libfaketimeMT.so.1 {LIBRARY}"
            self.inside(CLOCK_BOX, "sh", "-c", copy)
            self.engine.docker("restart", self.container(CLOCK_BOX), check=True)

    # -- what the faults use -------------------------------------------------------------------------------

    def container(self, box: str) -> str:
        return f"{self.project.name}-{box}"

    def inside(self, box: str, *argv: str) -> None:
        self.engine.docker("exec", self.container(box), *argv, check=True, timeout=20)

    def set_clock(self, ahead: int) -> None:
        self.inside(CLOCK_BOX, "sh", "-c", f"echo +{ahead} >{CLOCK}")

    def write_crontab(self, box: str, edited: tuple[Job, ...] = ()) -> None:
        jobs = {job.name: job for job in (*self.plan.boxes[box], *edited)}
        self.project.crontab(f"{box}/jobs", "".join(job.entry for job in jobs.values()))

    def disk(self, name: str) -> Path:
        return self.root / "disks" / name

    def start_daemon(self, number: int) -> None:
        self.daemons[number] = self.project.start_daemon(log=f"daemon-{number}.log")

    def kill_daemon(self, number: int) -> None:
        daemon = self.daemons[number]
        if daemon is not None:
            daemon.kill()
            daemon.wait()
        self.daemons[number] = None

    def signal_daemon(self, number: int, what: signal.Signals) -> None:
        daemon = self.daemons[number]
        if daemon is not None and daemon.poll() is None:
            daemon.send_signal(what)

    def processes(self, box: str, name: str) -> list[int]:
        """The box's processes of this name, as the host numbers them."""
        client = docker.DockerClient(base_url=self.engine.url)
        try:
            container: Any = client.containers.get(self.container(box))
        finally:
            client.close()
        return [pid for pid in _pids() if _is(pid, name, container.id)]


def _mounted_below(root: Path) -> list[str]:
    """What a dockerd that was killed left mounted, too."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(f"{root}/")]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _is(pid: int, name: str, container: str) -> bool:
    with suppress(OSError):
        process = Path("/proc") / str(pid)
        return (process / "comm").read_text() == f"{name}\n" and container in (process / "cgroup").read_text()
    return False
