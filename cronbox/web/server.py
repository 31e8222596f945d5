"""Serves the page from a thread of the daemon, for as long as the daemon lives."""

from __future__ import annotations

import socket
import threading

import structlog

from cronbox.config import WebSection
from cronbox.errors import ConfigError
from cronbox.ops import Site
from cronbox.ops.page import page_url, read_token
from cronbox.ops.pulse import Pulse

AGAIN_S = 5.0
"""After how long a port that was taken is tried again, and a changed config seen."""

log = structlog.get_logger()


def serve(site: Site, pulse: Pulse, stopped: threading.Event) -> None:
    """Serve until `stopped`, as `[web]` says at the time. What is in the way (a port that is taken, a token
    that cannot be read) is told once, and tried again."""
    told = ""
    while not stopped.is_set():
        try:
            if site.config.file.web.listen:
                _serve_as_configured(site, pulse, stopped)
            told = ""
        except (OSError, ConfigError) as error:
            if str(error) != told:
                log.warning("web_failed", listen=site.config.file.web.listen, error=_words(error))
            told = str(error)
        stopped.wait(AGAIN_S)


def _serve_as_configured(site: Site, pulse: Pulse, stopped: threading.Event) -> None:
    """Serve until `stopped`, or until the address or the token is another one."""
    # Imported here: who wants no page pays for none.
    from cronbox.web.app import create_app
    from cronbox.web.quiet import QuietServer

    host, port = site.config.file.web.address
    served = _access(site)
    with socket.create_server((host, port), family=_family(host)) as listener:
        server = QuietServer(create_app(site, pulse, token=served[1]))

        def watch() -> None:
            _wait_for_a_change(site, served, stopped)
            server.end()

        threading.Thread(target=watch, name="web-watch", daemon=True).start()
        log.info("web_listening", url=page_url(host, listener.getsockname()[1]))
        server.run(sockets=[listener])


def _access(site: Site) -> tuple[WebSection, str | None]:
    return site.config.file.web, read_token(site.config)


def _wait_for_a_change(site: Site, served: tuple[WebSection, str | None], stopped: threading.Event) -> None:
    try:
        while not stopped.wait(AGAIN_S) and _access(site) == served:
            pass
    except ConfigError:
        """The next attempt to serve tells of it."""


def _words(error: Exception) -> str:
    """The error and what to do about it."""
    return f"{error}: {error.hint}" if isinstance(error, ConfigError) and error.hint else str(error)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
