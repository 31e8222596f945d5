"""Serves the page from a thread of the daemon, for as long as the daemon lives."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import structlog
import uvicorn

from cronbox.config import Config
from cronbox.errors import ConfigError
from cronbox.ops import Site
from cronbox.ops.pulse import Pulse

AGAIN_S = 5.0
"""After how long a port that was taken is tried again."""

log = structlog.get_logger()


def serve(site: Site, pulse: Pulse, stopped: threading.Event) -> None:
    """Serve until `stopped`. What is in the way (a port that is taken, a token that cannot be read) is told
    once, and tried again."""
    told = ""
    while not stopped.is_set():
        try:
            _serve_once(site, pulse, stopped)
        except (OSError, ConfigError) as error:
            if str(error) != told:
                log.warning("web_failed", listen=site.config.file.web.listen, error=str(error))
            told = str(error)
        stopped.wait(AGAIN_S)


def _serve_once(site: Site, pulse: Pulse, stopped: threading.Event) -> None:
    from cronbox.web.app import create_app

    host, port = site.config.file.web.address
    token = read_token(site.config)
    with socket.create_server((host, port), family=_family(host), reuse_port=False) as listener:
        settings = uvicorn.Config(
            create_app(site, pulse, token=token),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(settings)
        threading.Thread(target=_end, args=(server, stopped), name="web-end", daemon=True).start()
        shown = f"[{host}]" if ":" in host else host
        log.info("web_listening", url=f"http://{shown}:{listener.getsockname()[1]}/")
        server.run(sockets=[listener])


def _end(server: uvicorn.Server, stopped: threading.Event) -> None:
    stopped.wait()
    server.should_exit = True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def read_token(config: Config) -> str | None:
    """What who looks must know; None where nobody needs to. Raises ConfigError where it cannot be read."""
    name = config.file.web.token_file
    if name is None:
        return None
    path = (config.root / Path(name).expanduser()).resolve()
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"web.token_file: cannot read {path}: {error}") from None
    if len(token) < 16:
        raise ConfigError(f"web.token_file: {path} holds fewer than 16 characters")
    return token
