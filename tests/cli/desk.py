"""A person at a terminal: a project folder, an engine in memory, a real store, and the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cronbox.cli import invoke
from cronbox.config import find_config, load_config
from cronbox.ops import Site
from cronbox.store import Store
from tests.fakes.agent import FakeAgent
from tests.fakes.engine import FakeBox, FakeEngine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CRONTAB = """\
# cronbox: name=load
*/15 * * * * root /bin/load
# cronbox: name=report
0 6 * * 1 root /bin/report
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = NOON
        self.engine = FakeEngine()
        self.agent = FakeAgent(self.engine, now=NOON)
        self.stores: list[Store] = []
        self.configure("")

    def configure(self, text: str) -> None:
        (self.root / "config.toml").write_text(f'[cronbox]\nproject = "desk"\n{text}')

    def crontab(self, path: str, text: str = CRONTAB) -> None:
        file = self.root / "crontabs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def up(self) -> FakeBox:
        """One box `etl`, up and proven by a tick."""
        self.crontab("etl/orders")
        assert self("up").code == 0
        self.agent.tick(self.box)
        return self.box

    @property
    def box(self) -> FakeBox:
        return next(iter(self.engine.containers.values()))

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.agent.now = self.now

    def __call__(self, *argv: str) -> Answer:
        """Run one command line, without a terminal."""
        return self._invoke(argv, _Pipe(), _Pipe())

    def on_terminal(self, *argv: str) -> Answer:
        """Run one command line, with stdout on a terminal."""
        return self._invoke(argv, _Terminal(), _Pipe())

    def _invoke(self, argv: Sequence[str], out: _Pipe, err: _Pipe) -> Answer:
        with redirect_stdout(out), redirect_stderr(err):
            code = invoke(argv, opener=self._open)
        return Answer(code, out.text, err.text)

    def _open(self, named: str | None) -> Site:
        return Site(
            load_config(find_config(named)),
            connect=lambda: self.engine,
            open_store=self._open_store,
            now=lambda: self.now,
        )

    def _open_store(self) -> Store:
        self.stores.append(Store.open(f"sqlite:///{self.root}/cronbox.db"))
        self.stores[-1].upgrade()
        return self.stores[-1]

    def leave(self) -> None:
        for store in self.stores:
            store.close()


class _Pipe(io.TextIOWrapper):
    """A pipe as a program sees it: text over bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(errors="surrogateescape")


class _Terminal(_Pipe):
    def isatty(self) -> bool:
        return True
