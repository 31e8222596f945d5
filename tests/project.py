"""A whole cronbox project for a test: its own folder, its own label on the engine, cleaned up after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import docker

CRONBOX = [sys.executable, "-m", "cronbox"]
T = TypeVar("T")


def wait_until(what: Callable[[], T], *, within: float = 30.0, every: float = 0.1) -> T:
    """The first true answer. Fails the test when there is none within so many seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within:g} s; the last answer was {answer!r}"
        time.sleep(every)


class Project:
    """A project in a folder, driven as a person drives it: files, commands, containers."""

    def __init__(self, root: Path, name: str, config: str = "") -> None:
        self.root = root
        self.name = name
        self.docker = docker.from_env()
        root.mkdir(parents=True, exist_ok=True)
        self.configure(config)

    def configure(self, config: str) -> None:
        self.configure_cronbox("", config)

    def configure_cronbox(self, keys: str, config: str) -> None:
        """Write config.toml with more keys in `[cronbox]`, and the sections that follow it. There is no page
        unless they say so: tests run at once, and would fight for its port."""
        web = "" if "[web]" in config else '\n[web]\nlisten = ""\n'
        (self.root / "config.toml").write_text(f'[cronbox]\nproject = "{self.name}"\n{keys}{config}{web}')

    def crontab(self, path: str, text: str) -> None:
        """Write `crontabs/<path>`."""
        file = self.root / "crontabs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    # -- commands ------------------------------------------------------------------------------------------

    def cli(self, *args: str, ok: bool = True, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run one cronbox command; with `ok`, it must end with 0."""
        raw = subprocess.run(
            [*CRONBOX, *args],
            cwd=self.root,
            check=False,
            capture_output=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        out, err = (stream.decode(errors="surrogateescape") for stream in (raw.stdout, raw.stderr))
        done = subprocess.CompletedProcess(raw.args, raw.returncode, out, err)
        assert not ok or done.returncode == 0, (
            f"cronbox {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def json(self, *args: str) -> Any:
        return json.loads(self.cli(*args, "--json").stdout)

    def runs(self, *args: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("runs", *args)
        return found

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """A daemon for as long as the context lasts; one that the test ended itself is left as it is."""
        process = self.start_daemon()
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=15)

    def start_daemon(
        self, *, config: str = "config.toml", log: str = "daemon.log"
    ) -> subprocess.Popen[bytes]:
        """One more daemon; with another config and log, where there are two."""
        with (self.root / log).open("ab") as output:
            return subprocess.Popen(
                [*CRONBOX, "-C", config, "daemon"],
                cwd=self.root,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=os.environ,
            )

    # -- containers ----------------------------------------------------------------------------------------

    def box(self, name: str) -> Any:
        """The box's container."""
        return self.docker.containers.get(f"{self.name}-{name}")

    def boxes(self) -> list[Any]:
        """All containers of the project that run."""
        found: list[Any] = self.docker.containers.list(filters={"label": f"cronbox.project={self.name}"})
        return found

    def inside(self, box: str, *argv: str) -> str:
        """What a command prints in the box."""
        code, output = self.box(box).exec_run(list(argv))
        assert code == 0, output
        return str(output.decode())

    def fire(self, box: str, *jobs: str) -> None:
        """Do what a crond line of the box does when its minute has come."""
        self.inside(box, "sh", "-c", 'echo "$@" >/run/cronbox/trigger', "sh", *jobs)

    def log(self, box: str) -> list[dict[str, Any]]:
        """Every event in the active segment of the box's log."""
        return [json.loads(line) for line in self.inside(box, "cat", "/log/cron.log").splitlines()]

    def clean(self) -> None:
        """Remove everything on the engine that carries the project's label."""
        label = {"label": f"cronbox.project={self.name}"}
        for container in self.docker.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for volume in self.docker.volumes.list(filters=label):
            volume.remove(force=True)
        for image in self.docker.images.list(filters=label):
            for tag in image.tags:  # the layers stay: others may build on them just now
                self.docker.images.remove(tag, force=True, noprune=True)
        self.docker.close()
