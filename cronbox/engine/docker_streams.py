"""The raw side of the Docker API: a connection that became a two-way pipe to a process in a box."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from typing import Any, Final, Self

STDOUT: Final = 1
STDERR: Final = 2
CHUNK: Final = 64 * 1024
_HEADER = struct.Struct(">BxxxL")
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Demultiplexer:
    """Takes stdout and stderr apart. A frame: 1 byte stream, 3 empty, 4 length, then the content."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(stream, content) of each frame that `data` completes; the rest is kept for the next call."""
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            stream, length = _HEADER.unpack_from(self._pending)
            end = _HEADER.size + length
            if len(self._pending) < end:
                return
            content = bytes(self._pending[_HEADER.size : end])
            del self._pending[:end]
            yield stream, content


class Connection:
    """A hijacked connection. One thread reads and writes; any thread may `shut` or `close` it."""

    def __init__(self, handle: Any) -> None:
        """`handle` is what the SDK's `exec_start(socket=True)` returns.

        The SDK hands out the naked socket, but the first bytes may sit already in the buffer that read the
        response's header. So we go through the response, which the SDK attaches to the handle.
        """
        self._response = handle._response
        reader = self._response.raw._fp.fp
        self._sock: socket.socket = reader.raw._sock
        self._sock.setblocking(False)
        self._early = _buffered(reader)
        self._busy = threading.Lock()
        self._shut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive_now(self) -> bytes | None:
        """What has arrived; None if nothing has; b"" at the end."""
        if self._shut:
            return b""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            return self._sock.recv(CHUNK)
        except _WOULD_BLOCK:
            return None
        except (ConnectionError, ssl.SSLZeroReturnError):
            return b""

    def send_now(self, data: memoryview) -> memoryview:
        """Send as much as fits; return what is left. A process that closed its stdin swallows the rest."""
        try:
            return data[self._sock.send(data[:CHUNK]) :]
        except _WOULD_BLOCK:
            return data
        except ConnectionError:
            return data[:0]

    def receive(self) -> bytes:
        """The next chunk, as long as it takes; b"" at the end, or once any thread has shut the connection."""
        with self._busy:
            while (chunk := self.receive_now()) is None:
                self._wait(select.POLLIN)
            return chunk

    def exchange(self, stdin: bytes) -> Iterator[bytes]:
        """Send `stdin` and its end while receiving, so that neither side's full buffer stops the other."""
        left = memoryview(stdin)
        self._end_input(left)
        while (chunk := self.receive_now()) != b"":
            if chunk is not None:
                yield chunk
                continue
            self._wait(select.POLLIN | (select.POLLOUT if left else 0))
            if left:
                left = self.send_now(left)
                self._end_input(left)

    def end_input(self) -> None:
        """Close the process's stdin and go on receiving."""
        try:
            if isinstance(self._sock, ssl.SSLSocket):
                _send_close_notify(self._sock)
            else:
                self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # The other side is gone already, and its stdin with it.

    def shut(self) -> None:
        """End both directions at once: the process loses its stdin, and a waiting reader wakes up."""
        self._shut = True
        try:
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            return  # Not connected any more, which is what was wanted.

    def close(self) -> None:
        """Shut, and give the descriptor back once no reader holds it. Closing twice does nothing."""
        self.shut()
        with self._busy:
            self._response.close()

    def _end_input(self, left: memoryview) -> None:
        if not left:
            self.end_input()

    def _wait(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._sock, events)
        poll.poll()


def _buffered(reader: Any) -> bytes:
    """What the header's reader holds of the stream behind the header. The socket must not block."""
    try:
        early: bytes = reader.peek()
    except _WOULD_BLOCK:
        return b""
    return bytes(reader.read1(len(early))) if early else b""


def _send_close_notify(sock: ssl.SSLSocket) -> None:
    """TLS's half-close. Python's own `unwrap` would wait for the answer and lose what comes before it."""
    try:
        sock._sslobj.shutdown()  # type: ignore[attr-defined]
    except _WOULD_BLOCK:
        return
