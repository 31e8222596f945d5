"""A browser before the page of a project, whose command line is at hand, too."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import httpx

from cronbox.errors import NoEngine
from cronbox.ops.pulse import Pulse
from cronbox.web.app import create_app
from cronbox.web.quiet import QuietServer
from tests.cli.desk import Desk
from tests.project import wait_until

TOKEN = "0123456789abcdef-token"


class Served:
    """The page at a port of this host, as the daemon serves it."""

    def __init__(self, app: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = QuietServer(app)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],), daemon=True)
        self.thread.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.listener.getsockname()[1]}")

    def close(self) -> None:
        self.client.close()
        wait_until(lambda: not self.server.server_state.connections)  # on a busy machine it hears of it late
        self.server.end()
        self.thread.join(timeout=5)
        self.listener.close()


class Browser:
    def __init__(self, root: Path) -> None:
        self.desk = Desk(root)
        self.desk.up()
        self.site = self.desk._open(None)
        self.pulse = Pulse(leads=True)
        self.served: list[Served] = []
        self._locked: httpx.Client | None = None
        self.client = self.before(None)

    def before(self, token: str | None) -> httpx.Client:
        """A client of a page that knows this token, or none."""
        self.served.append(Served(create_app(self.site, self.pulse, token=token)))
        return self.served[-1].client

    def locked(self) -> httpx.Client:
        """A client of a page that wants TOKEN, with no cookie yet."""
        if self._locked is None:
            self._locked = self.before(TOKEN)
        self._locked.cookies.clear()
        return self._locked

    def leave(self) -> None:
        for served in self.served:
            served.close()
        self.desk.leave()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.text

    def lose_the_engine(self) -> None:
        self.site.__dict__.pop("engine", None)
        self.site._connect = self._no_engine

    def _no_engine(self) -> Any:
        raise NoEngine("the engine does not answer")

    def ran(self, run: str, job: str = "load", *, lines: tuple[str, ...] = (), **end: Any) -> str:
        """A run from its beginning to its end, in the store."""
        agent, box = self.desk.agent, self.desk.box
        agent.start(box, run, job)
        if lines:
            self.printed(run, *lines)
        agent.finish(box, run, **end)
        self.take_in()
        return run

    def begun(self, run: str, job: str = "load") -> str:
        self.desk.agent.start(self.desk.box, run, job)
        self.take_in()
        return run

    def printed(self, run: str, *lines: str, stream: str = "out") -> None:
        batch = [[0.0, stream, line] for line in lines]
        self.desk.agent.write(self.desk.box, "output", run=run, lines=batch)

    def take_in(self) -> None:
        """Have the store know all that the box has logged."""
        assert self.desk("ps", "--json").code == 0
