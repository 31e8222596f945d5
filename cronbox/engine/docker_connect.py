"""From an engine's address to a client of the Docker SDK: local socket, TCP, TCP with TLS, ssh."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from docker.api import APIClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.context import ContextAPI
from docker.tls import TLSConfig
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env

from cronbox.errors import NoEngine

SCHEMES = frozenset({"unix", "tcp", "http", "https", "ssh"})

Dial = Callable[[], socket.socket]
"""Makes one new connection to the engine. Raises OSError."""

ONE_ENGINE = "http+docker://localhost"
"""What the SDK calls the engine at the other end of a socket. All its calls share one pool of connections."""

ANSWER_SECONDS = 60
"""An engine that is silent for so long in an ordinary call counts as gone. Streams wait without limit."""

POOL_SIZE = 32
"""Connections kept open between calls; more threads than that only pay for a new connection."""


def open_client(url: str | None) -> APIClient:
    """A client that has spoken with the engine and agreed on the API's version.

    None means what the docker command would use: DOCKER_HOST, else the current context, else the default
    socket. `DOCKER_CERT_PATH` and `DOCKER_TLS_VERIFY` apply to a tcp:// address as they do for the docker
    command. Raises the SDK's errors, and NoEngine for what is no address.
    """
    environment = dict(os.environ) | ({"DOCKER_HOST": url} if url else {})
    found = kwargs_from_env(environment)
    if "base_url" not in found:
        found = {**ContextAPI.kwargs_from_context(environment=environment), **found}
    address = str(found.get("base_url") or "unix:///var/run/docker.sock")
    if urlsplit(address).scheme not in SCHEMES:
        raise NoEngine(
            f"{address!r} is not the address of an engine",
            hint="write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST",
        )
    client = _client(address, found.get("tls") or False)
    client.agree_on_version()
    return client


def _client(address: str, tls: TLSConfig | Literal[False]) -> Client:
    scheme = urlsplit(address).scheme
    if scheme == "ssh":
        return DialledClient(lambda: dial_ssh(address))
    if scheme == "unix":
        return DialledClient(lambda: dial_unix(address.removeprefix("unix://")))
    return Client(address, tls)


class Client(APIClient):
    """The SDK's client, deaf to the proxies and certificate bundles that the environment names for web pages:
    requests would let those override the engine's own certificates."""

    def __init__(self, address: str | None, tls: TLSConfig | Literal[False] = False) -> None:
        super().__init__(
            base_url=address,
            tls=tls,
            version=MINIMUM_DOCKER_API_VERSION,
            timeout=ANSWER_SECONDS,
            max_pool_size=POOL_SIZE,
        )
        self.trust_env = False

    def agree_on_version(self) -> None:
        """Speak the engine's own version of the API from now on."""
        self._version = str(self.version(api_version=False)["ApiVersion"])


class DialledClient(Client):
    """Speaks over sockets of our own making."""

    def __init__(self, dial: Dial) -> None:
        super().__init__(None)
        self.mount("http+docker://", _Adapter(dial))


def dial_unix(path: str) -> socket.socket:
    """The SDK's own way leaves the descriptor open when nobody listens."""
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        ours.settimeout(ANSWER_SECONDS)
        ours.connect(path)
    except OSError:
        ours.close()
        raise
    return ours


def dial_ssh(address: str) -> socket.socket:
    """A remote engine through the `ssh` command, as the docker command reaches it.

    The SDK's own way needs paramiko and cannot end a stream; a socket pair with ssh at its far end is a
    real socket: it has time-outs, can be polled, and can be closed on one side.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        end = theirs.fileno()
        try:
            ssh = subprocess.Popen(ssh_command(address), stdin=end, stdout=end, start_new_session=True)
        except OSError:
            ours.close()
            raise
    # ssh ends when our side is closed; somebody has to take its exit code then.
    threading.Thread(target=ssh.wait, name="ssh-engine", daemon=True).start()
    ours.settimeout(ANSWER_SECONDS)
    return ours


class _Adapter(UnixHTTPAdapter):
    def __init__(self, dial: Dial) -> None:
        super().__init__("http+unix:///", timeout=ANSWER_SECONDS, max_pool_size=POOL_SIZE)
        self._dial = dial

    def get_connection(self, url: str | bytes, proxies: object = None) -> UnixHTTPConnectionPool:
        with self.pools.lock:
            pool = self.pools.get(ONE_ENGINE)
            if pool is None:
                pool = self.pools[ONE_ENGINE] = _Pool(self._dial)
            return pool


class _Pool(UnixHTTPConnectionPool):
    def __init__(self, dial: Dial) -> None:
        super().__init__(ONE_ENGINE, "/", timeout=ANSWER_SECONDS, maxsize=POOL_SIZE)
        self._dial = dial

    def _new_conn(self) -> Any:
        return _Connection(self._dial)


class _Connection(UnixHTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__(ONE_ENGINE, "/", timeout=ANSWER_SECONDS)
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()


def ssh_command(address: str) -> list[str]:
    """`ssh://user@host:port` -> the command whose stdin and stdout are the engine's API.

    No passwords: cronbox has nobody to ask, so keys or an agent must do.
    """
    parts = urlsplit(address)
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"]
    return ["ssh", *options, *user, *port, "--", parts.hostname or "", "docker system dial-stdio"]
