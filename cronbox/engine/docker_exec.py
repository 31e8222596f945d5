"""Commands inside a box."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from docker.api import APIClient

from cronbox.engine import ExecResult
from cronbox.engine.docker_errors import translated
from cronbox.engine.docker_streams import STDERR, STDOUT, Connection, Demultiplexer
from cronbox.errors import BoxNotRunning, EngineError, NotFound

SIGKILLED = 137
"""What a command ends with when its box ends under it."""

LAST_WORDS = 4096
"""Bytes of a failed command's stderr that are worth repeating."""


class Exec:
    """One command, started in a running box, on a connection of its own. Leaving the context hangs up."""

    def __init__(
        self,
        api: APIClient,
        container: str,
        argv: Sequence[str],
        *,
        user: str = "root",
        tty: bool = False,
    ) -> None:
        self.tty = tty
        self._api = api
        self._container = container
        self._name = argv[0]
        with diagnosed(api, container, f"cannot execute {argv[0]}"):
            created = api.exec_create(container, list(argv), stdin=True, tty=tty, user=user)
            self._id = str(created["Id"])
            self.connection = Connection(api.exec_start(self._id, socket=True, tty=tty))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.close()

    def communicate(self, stdin: bytes) -> ExecResult:
        """Feed all of stdin, take all of the output, wait for the end."""
        frames = Demultiplexer()
        output: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
        with translated(f"lost the connection to {self._name}"):
            for chunk in self.connection.exchange(stdin):
                for stream, content in frames.feed(chunk):
                    output[stream].append(content)
        return ExecResult(self.exit_code(), b"".join(output[STDOUT]), b"".join(output[STDERR]))

    def exit_code(self) -> int:
        """Wait for the end of the command and return its code. BoxNotRunning if its box ended first."""
        pause = 0.005
        while (state := self._state())["Running"]:
            # The streams end a moment before the engine has noted the code.
            time.sleep(pause)
            pause = min(pause * 2, 0.5)
        if state["ExitCode"] is None:
            raise BoxNotRunning(f"{self._name} ended with its box, without an exit code")
        return int(state["ExitCode"])

    def box_runs(self) -> bool:
        """Whether the command's box still runs. Raises NotFound for one that is gone."""
        return _runs(self._api, self._container)

    def resize(self, rows: int, columns: int) -> None:
        """Tell the command's terminal its size."""
        with translated("cannot resize the terminal"):
            self._api.exec_resize(self._id, height=rows, width=columns)

    def _state(self) -> dict[str, Any]:
        with diagnosed(self._api, self._container, f"cannot follow {self._name}"):
            state: dict[str, Any] = self._api.exec_inspect(self._id)
            return state


class ExecStream:
    """Stream[bytes]: the stdout of a long-lived command."""

    def __init__(self, running: Exec) -> None:
        self._running = running
        self._frames = Demultiplexer()
        self._ready: deque[bytes] = deque()
        self._stderr = b""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        while not self._ready:
            chunk = self._running.connection.receive()
            if not chunk:
                self._judge_end()
                raise StopIteration
            self._sort(chunk)
        return self._ready.popleft()

    def close(self) -> None:
        self._closed = True
        self._running.connection.close()

    def _sort(self, chunk: bytes) -> None:
        for stream, content in self._frames.feed(chunk):
            if stream == STDOUT:
                self._ready.append(content)
            else:
                self._stderr = (self._stderr + content)[-LAST_WORDS:]

    def _judge_end(self) -> None:
        """Say so if the command failed by itself: not by our closing, and not because its box ended."""
        self._running.connection.end_input()
        if self._closed or (code := self._code()) in (0, SIGKILLED):
            return
        words = self._stderr.decode(errors="replace").strip().splitlines()
        raise EngineError(f"the command in the box ended with exit code {code}", problems=words)

    def _code(self) -> int:
        """SIGKILLED stands for the end of the box, whatever a command ends with that just began."""
        try:
            code = self._running.exit_code()
            return code if code == 0 or self._running.box_runs() else SIGKILLED
        except (BoxNotRunning, NotFound):
            return SIGKILLED


@contextmanager
def diagnosed(api: APIClient, container: str, failing: str) -> Iterator[None]:
    """Like `translated`, but BoxNotRunning if the box, looked at again, stands still."""
    try:
        with translated(failing):
            yield
    except (EngineError, NotFound) as error:
        if _runs(api, container):
            raise
        raise BoxNotRunning(f"{failing}: the box is not running") from error


def _runs(api: APIClient, container: str) -> bool:
    """Raises NotFound for a container that is gone."""
    with translated("cannot look at the box"):
        state = api.inspect_container(container)["State"]
    return bool(state["Running"] and not state["Paused"] and not state["Restarting"])
