"""A server that notifications go to, on a free port of this machine; it answers as a test wants it to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """Takes down what it is sent: `messages` for bodies in JSON, `paths` for every request."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.answer = 200
        self.delay = 0.0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._take(json.loads(body))

            def do_GET(self) -> None:
                self._take(None)

            def _take(self, message: dict[str, Any] | None) -> None:
                time.sleep(listener.delay)
                listener.paths.append(self.path)
                if message is not None and listener.answer < 300:
                    listener.messages.append(message)
                self.send_response(listener.answer)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
