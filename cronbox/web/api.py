"""The same answers as `--json`, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BeforeValidator

from cronbox.model.conditions import Condition
from cronbox.model.moments import parse_moment
from cronbox.model.result import numbers_in
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops import Site
from cronbox.ops.check import group_of_box
from cronbox.ops.finding import in_time
from cronbox.ops.status import BoxStatus, box_statuses, job_statuses
from cronbox.ops.upcoming import Upcoming, timetable, upcoming, with_holds
from cronbox.store import OutputLine, RunFilter

ENGINE_PATIENCE_S = 10.0
MOST_RUNS = 1000
MOST_LINES = 5000
MOST_CHARACTERS = 1_000_000
LARGEST_POSITION = 2**63 - 1
PIECE = 65_536
PLAIN = "text/plain; charset=utf-8"
RESULTS = 100


class Told(JSONResponse):
    """JSON in ASCII, as the command line prints it: bytes that were not UTF-8 are surrogates, which no
    encoding takes."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


router = APIRouter(prefix="/api/v1", default_response_class=Told)


def site_of(request: Request) -> Site:
    """The project that is shown."""
    site: Site = request.app.state.site
    return site


Here = Annotated[Site, Depends(site_of)]
T = TypeVar("T", bound=StrEnum)
Chosen = Annotated[T | None, BeforeValidator(lambda value: value or None)]
"""One of a form's choices; an empty one is none."""
Position = Annotated[int | None, Query(ge=0, le=LARGEST_POSITION)]
Moment = Annotated[str | None, Query(description="2h (ago), 2026-11-23 or RFC 3339")]


def boxes_of(site: Site) -> list[BoxStatus]:
    """Every box, as `ps` has it. Raises NoEngine, also for an engine that hangs."""
    return in_time(lambda: box_statuses(site), patience=ENGINE_PATIENCE_S)


def starts_of(
    site: Site, box: str | None, number: int, *, job: str | None = None, until: datetime | None = None
) -> list[Upcoming]:
    """The next starts of a box, of one job of it, or of all. Raises NotFound."""
    wanted = [site.config.box(box)] if box else list(site.config.boxes.values())
    table = timetable([group_of_box(each) for each in wanted], None)
    if job is not None:
        table = replace(table, jobs=tuple(pair for pair in table.jobs if pair[0].name == job))
    starts = upcoming(table, since=site.now(), until=until, limit=number)
    return list(with_holds(starts, table, {each.name: each for each in wanted}, site.store.pauses()))


def wanted_runs(
    site: Here,
    box: str | None = None,
    job: str | None = None,
    status: Chosen[Status] = None,
    trigger: Chosen[Trigger] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=MOST_RUNS)] = 50,
) -> RunFilter:
    """The filter that the query asks for. Raises UsageError."""
    return RunFilter(
        box=box or None,
        job=job or None,
        status=status,
        trigger=trigger,
        since=_moment(site, since, "since"),
        until=_moment(site, until, "until"),
        limit=limit,
    )


Wanted = Annotated[RunFilter, Depends(wanted_runs)]


def _moment(site: Site, text: str | None, name: str) -> datetime | None:
    return parse_moment(text, now=site.now(), option=name) if text else None


@router.get("/boxes")
def boxes(site: Here) -> list[dict[str, Any]]:
    """As `cronbox ps --json`."""
    return [status.as_json() for status in boxes_of(site)]


@router.get("/jobs")
def jobs(site: Here, box: str | None = None) -> list[dict[str, Any]]:
    """As `cronbox jobs --json`."""
    return [status.as_json() for status in job_statuses(site, [box] if box else [])]


@router.get("/jobs/{box}/{job:path}/chart")
def chart(site: Here, box: str, job: str) -> dict[str, Any]:
    """The last runs of a job, oldest first: `t` in epoch seconds, and by name what can be drawn over it."""
    ended = [run for run in site.store.runs(RunFilter(box=box, job=job, limit=RESULTS)) if run.finished_at]
    ended.reverse()
    return {"t": [_epoch(run) for run in ended], "series": _series(ended)}


def _epoch(run: Run) -> float:
    return (run.started_at or run.at).timestamp()


def _series(runs: list[Run]) -> dict[str, list[float | None]]:
    """How long each run took, and each number that they say of themselves."""
    told = [numbers_in(run.result or {}) for run in runs]
    names = sorted({name for numbers in told for name in numbers})
    took: dict[str, list[float | None]] = {"duration_s": [run.duration_s for run in runs]}
    return took | {name: [numbers.get(name) for numbers in told] for name in names}


@router.get("/runs")
def runs(site: Here, wanted: Wanted) -> list[dict[str, Any]]:
    """As `cronbox runs --json`."""
    return [run.as_json() for run in site.store.runs(wanted)]


@router.get("/runs/{run}")
def run(site: Here, run: str) -> dict[str, Any]:
    """As `cronbox show --json`."""
    found = site.store.run(run)
    return found.as_json_in_full(site.store.attempts(found), site.store.pruned_at(found.id))


@router.get("/runs/{run}/output", response_model=None)
def output(
    site: Here,
    run: str,
    after: Position = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 1000,
    format: Literal["json", "text"] = "json",
) -> Response:
    """As `cronbox logs RUN --json`: so many lines, and the rest of their batch. The header `Link` has the
    address of what comes behind them, also while that is still to come. `format=text`: all, as it was
    printed."""
    found = site.store.run(run)
    if format == "text":
        return StreamingResponse(raw(site.store.output(found.id, after=after)), media_type=PLAIN)
    lines = list(batches_up_to(site.store.output(found.id, after=after), limit))
    told = [line.as_json(found.box) for line in lines]
    behind = lines[-1].position if lines else after or 0
    link = f'</api/v1/runs/{quote(found.id)}/output?after={behind}&limit={limit}>; rel="next"'
    goes_on = bool(lines) or found.status.is_open
    return Told(told, headers={"Link": link} if goes_on else {})


def raw(lines: Iterator[OutputLine]) -> Iterator[bytes]:
    """What a run printed, byte for byte, in pieces of some size."""
    piece = bytearray()
    for line in lines:
        piece += line.text.encode("utf-8", "surrogateescape") + (b"\n" if line.newline else b"")
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def batches_up_to(lines: Iterator[OutputLine], limit: int) -> Iterator[OutputLine]:
    """Whole batches until there are so many lines, or characters: within one, lines share a position."""
    taken = size = 0
    for _, batch in groupby(lines, key=lambda line: line.position):
        for line in batch:
            taken, size = taken + 1, size + len(line.text)
            yield line
        if taken >= limit or size >= MOST_CHARACTERS:
            return


@router.get("/conditions")
def conditions(site: Here, box: str | None = None) -> list[dict[str, Any]]:
    """What is not as it should be now."""
    return [condition_json(condition) for condition in site.store.conditions(box)]


def condition_json(condition: Condition) -> dict[str, Any]:
    return {"box": condition.box} | condition.as_json()


@router.get("/next")
def next_(
    site: Here,
    box: str | None = None,
    until: Annotated[str | None, Query(description="2h (ahead), 2026-11-23 or RFC 3339")] = None,
    n: Annotated[int, Query(ge=1, le=MOST_RUNS)] = 10,
) -> list[dict[str, Any]]:
    """As `cronbox next --json`."""
    last = parse_moment(until, now=site.now(), option="until", ahead=True) if until else None
    return [start.as_json() for start in starts_of(site, box, n, until=last)]
