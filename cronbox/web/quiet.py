"""A uvicorn that sleeps while nobody asks, and is small."""

from __future__ import annotations

import asyncio

import uvicorn
from anyio import to_thread
from starlette.types import ASGIApp

THREADS = 4
"""Pages that are made at once; each thread holds a connection to the database."""
MOST_CONNECTIONS = 100


class QuietServer(uvicorn.Server):
    """uvicorn itself wakes ten times a second, mostly to keep a Date header true that nobody needs."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                loop="asyncio",
                http="h11",
                ws="none",
                date_header=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        if not self.should_exit:
            await self._ended.wait()

    def end(self) -> None:
        """Come to an end soon; from whatever thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
