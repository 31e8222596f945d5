"""A real PostgreSQL for the tests: a server of its own in a private folder, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

BIN = Path("/usr/lib/postgresql")
PATIENCE_S = 60.0
OPTIONS = ("fsync=off", "max_connections=60", "shared_buffers=64MB", "unix_socket_directories=")


@contextmanager
def running() -> Iterator[Server]:
    """A server of one's own, which is gone in the end."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def binaries() -> Path:
    """The folder of the newest server that is installed."""
    found = sorted(BIN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "no PostgreSQL here; scripts/setup/postgres installs it"
    return found[-1].parent


class Server:
    """One server, which refuses root, so it runs as the user postgres, or as whoever runs the tests."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cronbox-pg-", dir="/tmp"))
        self.port = _free_port()
        self.password = secrets.token_hex(8)
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user, pwd.getpwnam(self._user).pw_gid)
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run("initdb", "-D", str(self.data), "-U", "cronbox", "-A", "scram-sha-256", "-N")
        secret.unlink()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, *, port: int | None = None) -> str:
        """The address of a database; through another port, where something stands between."""
        return f"postgresql+psycopg://cronbox:{self.password}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        settings = [part for option in OPTIONS for part in ("-c", option)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                user=self._user,
                group=self._group,
                extra_groups=[] if self._user else None,
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline and self._process.poll() is None, self.log
                time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """A fast stop, or with SIGQUIT one that leaves everything as a crash would."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=PATIENCE_S)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def execute(self, statement: str, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(statement)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        url = self.url(database).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def database(self, *, template: str = "template1") -> str:
        """A new database -> its name."""
        name = f"t{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @property
    def _group(self) -> int | None:
        return pwd.getpwnam(self._user).pw_gid if self._user else None

    def _run(self, program: str, *options: str) -> None:
        done = subprocess.run(
            [binaries() / program, *options, f"--pwfile={self.folder}/password", "--locale=C.UTF-8"],
            capture_output=True,
            check=False,
            cwd=self.folder,
            user=self._user,
            group=self._group,
            extra_groups=[] if self._user else None,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
