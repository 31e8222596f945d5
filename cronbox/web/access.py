"""Who may look. Without a token, whoever is on this host; with one, who knows it, by header or by cookie.

Pages of other sites are kept out twice: the Host header must be one of loopback (a name that somebody points
at 127.0.0.1 is refused), and browsers are told to load, frame and send nothing that is not ours.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

COOKIE = "cronbox"
MONTH_S = 30 * 24 * 60 * 60
LONGEST_FORM = 4096
LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = ("/healthz", "/readyz", "/login", "/static/")
"""What anybody may have: probes know no token, and the form to enter it needs its style."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The application, for those who may look; whatever it answers carries HEADERS."""

    def __init__(self, app: FastAPI, token: str | None) -> None:
        self.inner = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (answer or self.inner)(scope, receive, send_safely)

    def _refusal(self, request: Request) -> Response | None:
        if self._token is None:
            return None if _of_this_host(request.headers.get("Host", "")) else _misdirected()
        return None if _may_look(request, self._token) else _refused(request)


def _of_this_host(named: str) -> bool:
    """Whether a Host header names loopback, with whatever port."""
    try:
        return urlsplit(f"//{named}").hostname in LOOPBACK
    except ValueError:
        return False


def _misdirected() -> Response:
    """For a name that somebody points at 127.0.0.1, so that browsers take its pages for ours."""
    hint = "use http://127.0.0.1; for other names set `[web] token_file` (docs/web.md)"
    return JSONResponse({"error": "without a token only this host may look", "hint": hint}, status_code=403)


def _may_look(request: Request, token: str) -> bool:
    path = request.url.path
    if any(path == free or (free[-1] == "/" and path.startswith(free)) for free in OPEN):
        return True
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(given.strip(), token):
        return True
    return _same(request.cookies.get(COOKIE, ""), pass_of(token))


def pass_of(token: str) -> str:
    """What the cookie holds: it proves that somebody knew the token, and does not tell it."""
    return hmac.new(token.encode(), b"cronbox web", hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _refused(request: Request) -> Response:
    path = request.url.path
    by_program = path.startswith("/api/") or path in ("/metrics", "/openapi.json")
    if by_program or "HX-Request" in request.headers:
        told = {"error": "a token is needed", "hint": "send `Authorization: Bearer TOKEN`"}
        return JSONResponse(told, status_code=401, headers={"WWW-Authenticate": "Bearer"})
    asked = path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(asked, safe='')}", status_code=303)


async def form_of(request: Request, longest: int) -> dict[str, str] | None:
    """What a form has sent, the first value of each name; None if that is longer than so many bytes."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > longest:
            return None
    sent = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in sent.items()}


async def log_in(request: Request, token: str) -> Response | None:
    """The way on for who sends the token from the form; None for anything else."""
    form = await form_of(request, LONGEST_FORM)
    if form is None or not _same(form.get("token", "").strip(), token):
        return None
    response = RedirectResponse(_ours(form.get("next", "/")), status_code=303)
    response.set_cookie(
        COOKIE,
        pass_of(token),
        max_age=MONTH_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _ours(where: str) -> str:
    """A path of this site; else somebody could send people on to another."""
    plain = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if plain and "\\" not in where else "/"
