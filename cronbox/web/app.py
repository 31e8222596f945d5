"""The application: routes, what they are given, and what becomes of errors."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from cronbox import __version__
from cronbox.errors import ConfigError, CronboxError, NoEngine, NotFound, StoreError, UsageError
from cronbox.ops import Site
from cronbox.ops.pulse import Pulse
from cronbox.web import api, health, lab, pages
from cronbox.web.access import Guard

STATIC = Path(__file__).parent / "static"
PROGRAMS = ("/healthz", "/readyz", "/metrics")
STATUS: dict[type[CronboxError], int] = {
    NotFound: 404,
    UsageError: 400,
    ConfigError: 503,
    NoEngine: 503,
    StoreError: 503,
}


def create_app(site: Site, pulse: Pulse, *, token: str | None = None) -> Guard:
    """The page of a project. `token`: what who looks must know."""
    app = FastAPI(title="cronbox", version=__version__, docs_url=None, redoc_url=None)
    app.state.site, app.state.pulse, app.state.token = site, pulse, token
    app.include_router(health.router)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.include_router(lab.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(CronboxError, _ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_a_parameter)
    app.add_exception_handler(Exception, _unforeseen)
    return Guard(app, token)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CronboxError)
    code = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return _told(request, code, error.message, error.hint)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "there is no such page" if error.status_code == 404 else str(error.detail)
    return _told(request, error.status_code, words, "the pages and /openapi.json link to all there is")


def _of_a_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    hint = "/openapi.json lists what each path takes"
    return _told(request, 400, f"{first['loc'][-1]}: {first['msg']}", hint)


def _unforeseen(request: Request, error: Exception) -> Response:
    """A defect of ours: the log has it in full."""
    return _told(request, 500, "cronbox could not make this page", "the daemon's log says why")


def _told(request: Request, code: int, error: str, hint: str) -> Response:
    path = request.url.path
    if path.startswith("/api/") or path in PROGRAMS:
        return JSONResponse({"error": error, "hint": hint}, status_code=code)
    return pages.page(request, "error.html", code=code, status=code, error=error, hint=hint)
