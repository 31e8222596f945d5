"""The pages, for people. Each works without scripts; with them, what is on it stays fresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from cronbox.errors import CronboxError, NotFound, UsageError
from cronbox.model.conditions import Condition
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops import Site
from cronbox.ops.status import job_statuses
from cronbox.store import OutputLine, RunFilter
from cronbox.web.access import log_in
from cronbox.web.api import Here, Position, Wanted, batches_up_to, boxes_of, starts_of
from cronbox.web.day import Timeline, timeline
from cronbox.web.shown import templates, zone_of

LINES = 500
"""Of output on one page."""
RECENT = 10
PAGE = 50
Skip = Annotated[int, Query(ge=0, le=20_000)]
SHOWN = templates()
router = APIRouter(include_in_schema=False)


def page(request: Request, template: str, /, *, code: int = 200, **what: Any) -> Response:
    """A template with what every page needs."""
    site: Site = request.app.state.site
    known = {"project": site.project, "now": site.now(), "token": request.app.state.token is not None}
    zone = {"zone_of": lambda box: zone_of(site.config, box)}
    response: Response = SHOWN.TemplateResponse(request, template, known | zone | what, status_code=code)
    return response


def _boxes(site: Site) -> dict[str, Any]:
    """The boxes, or why the engine does not tell."""
    try:
        return {"boxes": boxes_of(site), "engine_problem": None}
    except CronboxError as error:
        return {"boxes": [], "engine_problem": error.message}


@router.get("/")
def overview(request: Request, site: Here) -> Response:
    """What needs somebody, what goes on, and what comes."""
    troubles = [run for status in TROUBLES for run in site.store.runs(RunFilter(status=status, limit=RECENT))]
    troubles.sort(key=lambda run: run.at, reverse=True)
    return page(
        request,
        "overview.html",
        conditions=site.store.conditions(),
        open_runs=site.store.open_runs(),
        troubles=troubles[:RECENT],
        recent=site.store.runs(RunFilter(limit=RECENT)),
        starts=starts_of(site, None, RECENT),
        **_boxes(site),
    )


TROUBLES = (Status.FAILED, Status.TIMED_OUT, Status.LOST, Status.MISSED)


@router.get("/boxes")
def boxes(request: Request, site: Here) -> Response:
    return page(request, "boxes.html", **_boxes(site))


@router.get("/boxes/{box}")
def box(request: Request, site: Here, box: str) -> Response:
    known = _boxes(site)
    found = next((status for status in known["boxes"] if status.box == box), None)
    recent = site.store.runs(RunFilter(box=box, limit=RECENT))
    if found is None and not recent and box not in site.config.boxes:
        raise NotFound(f"there is no box {box!r}", hint=f"boxes: {', '.join(sorted(site.config.boxes))}")
    return page(
        request,
        "box.html",
        name=box,
        status=found,
        jobs=job_statuses(site, [box]) if box in site.config.boxes else [],
        recent=recent,
        conditions=site.store.conditions(box),
        history=site.store.condition_history(box, limit=RECENT),
        incidents=site.store.incidents(box, limit=RECENT),
        engine_problem=known["engine_problem"],
    )


@router.get("/jobs")
def jobs(request: Request, site: Here) -> Response:
    return page(request, "jobs.html", jobs=job_statuses(site))


@router.get("/jobs/{box}/{job:path}")
def job(request: Request, site: Here, box: str, job: str) -> Response:
    statuses = job_statuses(site, [box]) if box in site.config.boxes else []
    status = next((each for each in statuses if each.job.name == job), None)
    recent = site.store.runs(RunFilter(box=box, job=job, limit=PAGE))
    if status is None and not recent:
        raise NotFound(f"there is no job {box}/{job}", hint="/jobs lists them")
    return page(
        request,
        "job.html",
        box=box,
        job=job,
        status=status,
        starts=starts_of(site, box, RECENT, job=job) if status else [],
        recent=recent,
        schedules=site.store.schedules(box, job),
    )


@router.get("/runs")
def runs(request: Request, site: Here, wanted: Wanted, skip: Skip = 0) -> Response:
    return page(
        request,
        "runs.html",
        query=_asked(request),
        statuses=list(Status),
        triggers=list(Trigger),
        boxes=sorted(site.config.boxes),
        **_page_of_runs(site, wanted, _asked(request), skip),
    )


def _asked(request: Request) -> dict[str, str]:
    names = ("box", "job", "status", "trigger", "since", "until")
    return {name: request.query_params.get(name, "") for name in names}


def _page_of_runs(site: Site, wanted: RunFilter, query: dict[str, str], skip: int) -> dict[str, Any]:
    """A page of runs, and where the next one is. `skip` are those of its first moment that came before."""
    found = site.store.runs(replace(wanted, limit=skip + PAGE + 1))[skip:]
    shown, more = found[:PAGE], len(found) > PAGE
    if not more:
        return {"runs": shown, "older": None}
    last = shown[-1].at
    again = sum(run.at == last for run in shown) + (skip if shown[0].at == last else 0)
    until = (last + timedelta(microseconds=1)).astimezone(UTC).isoformat()
    filters = {name: value for name, value in query.items() if value and name != "until"}
    return {"runs": shown, "older": f"?{urlencode(filters | {'until': until, 'skip': again})}"}


@router.get("/runs/{run}")
def run(
    request: Request,
    site: Here,
    run: str,
    after: Position = None,
) -> Response:
    found = site.store.run(run)
    if found.id != run:
        return RedirectResponse(f"/runs/{quote(found.id)}")
    lines, cut, more = _output(site, found.id, after)
    return page(
        request,
        "run.html",
        run=found,
        attempts=site.store.attempts(found),
        conditions=_conditions_of(site, found),
        pruned=site.store.pruned_at(found.id),
        lines=lines,
        cut=cut,
        begun=after is not None,
        more=more,
    )


def _output(site: Site, run: str, after: int | None) -> tuple[list[OutputLine], bool, int | None]:
    """A page of lines: the last ones, or those behind a position; whether others came before them, and behind
    which position there are more."""
    if after is None:
        last = site.store.tail_output(run, LINES + 1)
        return last[-LINES:], len(last) > LINES, None
    lines = list(batches_up_to(site.store.output(run, after=after), LINES))
    behind = lines[-1].position if lines else None
    more = behind is not None and any(True for _ in site.store.output(run, after=behind, limit=1))
    return lines, False, behind if more else None


def _conditions_of(site: Site, run: Run) -> list[Condition]:
    """What is not as it should be with the job of a run that goes on."""
    if not run.status.is_open:
        return []
    return [condition for condition in site.store.conditions(run.box) if condition.job == run.job]


@router.get("/missed")
def missed(request: Request, site: Here, wanted: Wanted, skip: Skip = 0) -> Response:
    """What did not run that should have."""
    only = replace(wanted, status=Status.MISSED)
    query = _asked(request)
    return page(request, "missed.html", query=query, **_page_of_runs(site, only, query, skip))


@router.get("/day")
def day(request: Request, site: Here, date: date | None = None) -> Response:
    """A day of UTC, job by job."""
    today = site.now().astimezone(UTC).date()
    chosen = date or today
    if not date_is_near(chosen):
        raise UsageError("date: out of the calendar", hint="write it as 2026-11-23")
    begin = datetime.combine(chosen, time(), UTC)
    drawn: Timeline = timeline(site.store, begin, now=site.now())
    step = timedelta(days=1)
    return page(
        request, "day.html", day=chosen, before=chosen - step, after=chosen + step, today=today, drawn=drawn
    )


def date_is_near(day: date) -> bool:
    """Whether a day can have a day before and behind it."""
    return 1970 <= day.year < 9000


@router.get("/login")
def login(request: Request, next: str = "/") -> Response:
    if request.app.state.token is None:
        return RedirectResponse("/", status_code=303)
    return page(request, "login.html", next=next, wrong=False)


@router.post("/login")
async def take_token(request: Request) -> Response:
    token = request.app.state.token
    if token is None:
        return RedirectResponse("/", status_code=303)
    answer = await log_in(request, token)
    return answer or page(request, "login.html", code=401, next="/", wrong=True)
