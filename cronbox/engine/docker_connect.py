"""From an engine's address to a client of the Docker SDK: local socket, TCP, TCP with TLS, ssh."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from typing import Any
from urllib.parse import urlsplit

from docker.api import APIClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.context import ContextAPI
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env

ANSWER_SECONDS = 60
"""An engine that is silent for so long in an ordinary call counts as gone. Streams wait without limit."""

POOL_SIZE = 32
"""Connections kept open between calls; more threads than that only pay for a new connection."""


def open_client(url: str | None) -> APIClient:
    """A client that has spoken with the engine and agreed on the API's version.

    None means what the docker command would use: DOCKER_HOST, else the current context, else the default
    socket. `DOCKER_CERT_PATH` and `DOCKER_TLS_VERIFY` apply to a tcp:// address as they do for the docker
    command. Raises the SDK's errors.
    """
    environment = dict(os.environ) | ({"DOCKER_HOST": url} if url else {})
    found = kwargs_from_env(environment)
    if "base_url" not in found:
        found = {**ContextAPI.kwargs_from_context(environment=environment), **found}
    address = str(found.get("base_url") or "unix:///var/run/docker.sock")
    if address.startswith("ssh://"):
        return SshClient(address)
    tls = found.get("tls") if address.startswith(("tcp://", "https://")) else None
    return APIClient(
        base_url=address, tls=tls or False, version="auto", timeout=ANSWER_SECONDS, max_pool_size=POOL_SIZE
    )


class SshClient(APIClient):
    """Speaks to a remote engine through the `ssh` command, as the docker command does.

    The SDK's own way needs paramiko and cannot end a stream; a socket pair with ssh at its far end is a
    real socket: it has time-outs, can be polled, and can be closed on one side.
    """

    def __init__(self, address: str) -> None:
        super().__init__(version=MINIMUM_DOCKER_API_VERSION, timeout=ANSWER_SECONDS)
        self.mount("http+docker://", _SshAdapter(address))
        self._version = str(self.version(api_version=False)["ApiVersion"])


class _SshAdapter(UnixHTTPAdapter):
    def __init__(self, address: str) -> None:
        super().__init__("http+unix:///", timeout=ANSWER_SECONDS, max_pool_size=POOL_SIZE)
        self._address = address

    def get_connection(self, url: str | bytes, proxies: object = None) -> UnixHTTPConnectionPool:
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _SshPool(self._address)
            return pool


class _SshPool(UnixHTTPConnectionPool):
    def __init__(self, address: str) -> None:
        super().__init__("http+docker://localhost", "/", timeout=ANSWER_SECONDS, maxsize=POOL_SIZE)
        self._address = address

    def _new_conn(self) -> Any:
        return _SshConnection(self._address)


class _SshConnection(UnixHTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("http+docker://localhost", "/", timeout=ANSWER_SECONDS)
        self._address = address

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            ssh = subprocess.Popen(ssh_command(self._address), stdin=end, stdout=end, start_new_session=True)
        # ssh ends when our side is closed; somebody has to take its exit code then.
        threading.Thread(target=ssh.wait, name="ssh-engine", daemon=True).start()
        ours.settimeout(ANSWER_SECONDS)
        self.sock = ours


def ssh_command(address: str) -> list[str]:
    """`ssh://user@host:port` -> the command whose stdin and stdout are the engine's API.

    No passwords: cronbox has nobody to ask, so keys or an agent must do.
    """
    parts = urlsplit(address)
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"]
    return ["ssh", *options, *user, *port, "--", parts.hostname or "", "docker system dial-stdio"]
