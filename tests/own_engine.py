"""A Docker Engine of a test's own, so that the test can end it and no other loses its containers."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.project import wait_until


class OwnEngine:
    """A dockerd with a socket, state and network of its own; else it would take `docker0` away."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "docker.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Again, where it ends by itself, as an init system does: after a kill its containerd may live on."""
        self._begin()
        wait_until(self._answers, within=120)

    def _begin(self) -> None:
        root = self.root
        command = ["unshare", "--net", "dockerd", "--host", self.url, "--pidfile", f"{root}/pid"]
        command += ["--data-root", f"{root}/data", "--exec-root", f"{root}/exec"]
        command += ["--bridge", "none", "--iptables=false", "--ip-masq=false"]
        with (root / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
        self._process.wait(timeout=60)

    def docker(self, *args: str, check: bool = False, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", "--host", self.url, *args], check=check, capture_output=True, **options
        )

    def carry(self, image: str) -> None:
        """Bring an image over from the common engine, whose containers reach a network to be built."""
        archive = subprocess.run(["docker", "save", image], capture_output=True, check=True)
        self.docker("load", input=archive.stdout, check=True)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._begin()
        return self.docker("version").returncode == 0
