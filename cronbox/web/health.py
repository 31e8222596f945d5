"""For programs that watch: is it alive, is it of use, and the figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from cronbox.errors import CronboxError
from cronbox.ops import Site
from cronbox.ops.finding import in_time
from cronbox.ops.metrics import exposition
from cronbox.ops.pulse import Pulse

PATIENCE_S = 3.0
router = APIRouter()


@router.get("/healthz")
async def healthz(request: Request) -> JSONResponse:
    """200 while the daemon does its work: in the last half minute it has looked at all boxes or, where
    another one leads, whether that one still does. 503 else. It waits for nothing, so it answers when all
    else hangs."""
    site: Site = request.app.state.site
    pulse: Pulse = request.app.state.pulse
    told = {"project": site.project, "leads": pulse.leads, "looked_s": _rounded(pulse.age_s)}
    return JSONResponse(told, status_code=200 if pulse.well else 503)


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """200 if the database and the engine answer and this daemon leads; 503 else, with what is the matter."""
    site: Site = request.app.state.site
    told = {"store": _asked(site, _store), "engine": _asked(site, _engine)}
    told["daemon"] = "leads" if request.app.state.pulse.leads else "waits for the one that leads"
    ready = list(told.values()) == ["ok", "ok", "leads"]
    return JSONResponse(told, status_code=200 if ready else 503)


@router.get("/metrics")
def metrics(request: Request) -> PlainTextResponse:
    """What `cronbox metrics` prints."""
    return PlainTextResponse(exposition(request.app.state.site), media_type="text/plain; version=0.0.4")


def _store(site: Site) -> object:
    return site.store.revision()


def _engine(site: Site) -> object:
    return site.engine.info()


def _asked(site: Site, look: Callable[[Site], object]) -> str:
    try:
        in_time(partial(look, site), patience=PATIENCE_S)
    except CronboxError as error:
        return error.message
    return "ok"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
