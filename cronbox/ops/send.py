"""Sending one message or ping, and saying in our own words how it went: an address is in none of them.

What apprise and requests say names addresses, and so passwords: their logs are kept from ours, and only a
status code is taken from them.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from cronbox import __version__
from cronbox.errors import NotSent, SendingRefused
from cronbox.model.alert import Ping, Tone
from cronbox.model.message import Message

SEND_S = 60.0
"""How long apprise may take in all; its own time-outs are for one read or connect."""
CONNECT_S = 5.0
READ_S = 10.0
LATER = frozenset({408, 425, 429})
"""Answers below 500 after which the same may be accepted later."""

_HTTP_CODE = re.compile(r"error=(\d{3})\b")
_SUFFIX = {Ping.START: "/start", Ping.SUCCESS: "", Ping.FAIL: "/fail"}


def scheme_of(url: str) -> str:
    """All of an address that may be shown."""
    return url.partition("://")[0][:20].lower()


def send_message(url: str, message: Message, *, tone: Tone = Tone.INFO) -> None:
    """Send through apprise, within SEND_S. Raises NotSent, or SendingRefused for an address that it does not
    take."""
    within(SEND_S, lambda: _through_apprise(url, message, tone))


def send_ping(url: str, ping: Ping) -> None:
    """Call the address of a run's start, success or failure. Raises NotSent, SendingRefused."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise SendingRefused("a ping goes to an http:// or https:// address")
    within(SEND_S, lambda: get(urlunsplit(parts._replace(path=parts.path.rstrip("/") + _SUFFIX[ping]))))


def get(url: str) -> None:
    """One HTTP GET that must be answered well. Raises NotSent, SendingRefused."""
    import requests

    agent = {"User-Agent": f"cronbox/{__version__}"}
    try:
        with requests.get(url, headers=agent, timeout=(CONNECT_S, READ_S), stream=True) as answer:
            code = answer.status_code
    except requests.Timeout:
        raise NotSent("the server did not answer in time") from None
    except requests.ConnectionError:
        raise NotSent("no connection to the server") from None
    except (requests.RequestException, ValueError):
        raise SendingRefused("the address is not valid") from None
    if _is_final(code):
        raise SendingRefused(f"the server answered {code}")
    if code >= 300:
        raise NotSent(f"the server answered {code}")


def _is_final(code: int) -> bool:
    """Whether the same will never be accepted, by what HTTP says of the answer."""
    return 400 <= code < 500 and code not in LATER


def within(seconds: float, call: Callable[[], None]) -> None:
    """Do it in a thread of its own, and wait so long for it. What it raises is raised here; NotSent if it
    goes on for longer: it may end later, and nobody waits for that."""
    raised: list[BaseException] = []

    def body() -> None:
        try:
            call()
        except BaseException as error:  # told by the waiting thread
            raised.append(error)

    thread = threading.Thread(target=body, name="send", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NotSent(f"not sent within {seconds:g} s")
    if raised:
        raise raised[0]


def _through_apprise(url: str, message: Message, tone: Tone) -> None:
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    heard = _Heard()
    logger.addHandler(heard)
    try:
        service = apprise.Apprise.instantiate(url)
        if service is None:
            raise SendingRefused(f"apprise does not take this {scheme_of(url)}:// address")
        sent = service.notify(
            body=message.body or message.title,
            title=message.title,
            notify_type=tone.value,
            body_format="text",
        )
    except (NotSent, SendingRefused):
        raise
    except Exception as error:
        # Its plugins raise what they like, and the text may hold the address.
        raise NotSent(f"{scheme_of(url)}: {type(error).__name__}") from None
    finally:
        logger.removeHandler(heard)
    if not sent:
        raise (SendingRefused if heard.is_final() else NotSent)(f"{scheme_of(url)}: {heard.words()}")


class _Heard(logging.Handler):
    """What apprise complains of in this thread, as far as it can be repeated: status codes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._codes: list[int | None] = []
        """Of each complaint; None for one without: a service may send to several, and each may fail."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            found = _HTTP_CODE.search(record.getMessage())
            self._codes.append(int(found[1]) if found else None)

    def is_final(self) -> bool:
        """Whether every complaint is an answer after which the same is never accepted."""
        return bool(self._codes) and all(code is not None and _is_final(code) for code in self._codes)

    def words(self) -> str:
        code = next(filter(None, reversed(self._codes)), None)
        return f"the server answered {code}" if code else "no connection, or the service said no"
