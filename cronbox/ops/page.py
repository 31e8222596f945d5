"""The page, seen from outside: where it is, who may look, and whether it answers."""

from __future__ import annotations

import http.client
import json
import stat
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

from cronbox.config import Config
from cronbox.errors import ConfigError
from cronbox.ops import Site
from cronbox.ops.finding import Finding, Level

PATIENCE_S = 3.0
SHORTEST_TOKEN = 16
MAKE_ONE = "`head -c 24 /dev/urandom | base64` makes one"


def page_url(host: str, port: int) -> str:
    """`http://127.0.0.1:8090/`."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def read_token(config: Config) -> str | None:
    """What who looks must know; None where nobody needs to. Raises ConfigError where it cannot be read."""
    path = _token_file(config)
    if path is None:
        return None
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"web.token_file: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"web.token_file: {path} has more than ASCII in it", hint=MAKE_ONE) from None
    if len(token) < SHORTEST_TOKEN or not token.isprintable():
        raise ConfigError(
            f"web.token_file: {path} is no line of at least {SHORTEST_TOKEN} characters", hint=MAKE_ONE
        )
    return token


def _token_file(config: Config) -> Path | None:
    name = config.file.web.token_file
    return None if name is None else (config.root / Path(name).expanduser()).resolve()


def page_findings(site: Site, *, daemon_runs: bool) -> list[Finding]:
    """Whether it can be reached, and its token is one; nothing where it is turned off."""
    if not site.config.file.web.listen:
        return []
    found = list(_token(site.config))
    if daemon_runs and site.config.file.web.address[1] != 0:
        found.append(_answer(site))
    return found


def _token(config: Config) -> Iterator[Finding]:
    path = _token_file(config)
    if path is None:
        return
    try:
        read_token(config)
        open_to = stat.S_IMODE(path.stat().st_mode) & 0o077
    except (ConfigError, OSError) as error:
        yield Finding("web", Level.FAIL, str(error), MAKE_ONE)
        return
    if open_to:
        yield Finding("web", Level.WARN, f"others can read the token in {path}", f"`chmod 600 {path}`")


def _answer(site: Site) -> Finding:
    """What the page's own probe says. A port that is another project's is none of ours."""
    host, port = site.config.file.web.address
    url = page_url(host, port)
    look = "the daemon's log says why (`web_failed`); another `[web] listen` may be free"
    try:
        status, told = _probe(_reachable(host), port)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Where daemons share a database, the one that leads may be on another host, and its page with it.
        level = Level.WARN if site.config.shares_database else Level.FAIL
        return Finding("web", level, f"no page at {url}: {error}", look)
    if told.get("project") != site.project:
        return Finding("web", Level.FAIL, f"another program answers at {url}", look)
    if status != http.client.OK:
        what = f"{url} answers, but the daemon has not looked at the boxes for {told.get('looked_s')} s"
        return Finding("web", Level.WARN, what, "does the engine answer? the daemon's log says more")
    return Finding("web", Level.OK, f"the page is at {url}")


def _probe(host: str, port: int) -> tuple[int, dict[str, object]]:
    """Raises OSError, ValueError, HTTPException."""
    with closing(http.client.HTTPConnection(host, port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        told = json.loads(answer.read(65_536))
    return answer.status, told if isinstance(told, dict) else {}


def _reachable(host: str) -> str:
    """An address at which this host reaches what listens on it; 0.0.0.0 is none."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
