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
from cronbox.web import api, health, pages
from cronbox.web.access import guard

STATIC = Path(__file__).parent / "static"
UNPROCESSABLE = 400
STATUS: dict[type[CronboxError], int] = {
    NotFound: 404,
    UsageError: 400,
    ConfigError: 503,
    NoEngine: 503,
    StoreError: 503,
}


def create_app(site: Site, pulse: Pulse, *, token: str | None = None) -> FastAPI:
    """The page of a project. `token`: what who looks must know."""
    app = FastAPI(title="cronbox", version=__version__, docs_url=None, redoc_url=None)
    app.state.site, app.state.pulse, app.state.token = site, pulse, token
    app.include_router(health.router)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(CronboxError, _ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_a_parameter)
    guard(app, token)
    return app


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CronboxError)
    code = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return _told(request, code, error.message, error.hint)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "there is no such page" if error.status_code == 404 else str(error.detail)
    return _told(request, error.status_code, words, "")


def _of_a_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _told(request, UNPROCESSABLE, f"{first['loc'][-1]}: {first['msg']}", "")


def _told(request: Request, code: int, error: str, hint: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": error, "hint": hint}, status_code=code)
    return pages.page(request, "error.html", status=code, error=error, hint=hint)
