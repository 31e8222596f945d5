"""`/lab`: a crontab that somebody pastes, as `check` and `next` see it. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from cronbox.errors import UsageError
from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import BoxFacts, Problem, lint_box
from cronbox.model.schedule import fires
from cronbox.model.words import in_words
from cronbox.ops.check import DEBIAN_USERS
from cronbox.web.access import form_of
from cronbox.web.pages import page

LONGEST = 16_384
"""Characters that are looked at."""
LONGEST_FORM = 4 * LONGEST
MOST_JOBS = 100
MOST_PROBLEMS = 200
STARTS = 3
EXAMPLE = "# cronbox: name=load-orders timeout=30m\n*/15 6-20 * * mon-fri root python3 /scripts/load.py\n"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A job of the crontab: when it starts, in words and in figures."""

    job: Job
    words: str
    starts: tuple[datetime, ...]


@router.get("/lab")
def lab(request: Request) -> Response:
    return page(request, "lab.html", text=EXAMPLE, zone="UTC", where=None, problems=None, jobs=[])


@router.post("/lab")
async def look(request: Request) -> Response:
    form = await form_of(request, LONGEST_FORM)
    text = None if form is None else form.get("crontab", "").replace("\r\n", "\n")
    if form is None or text is None or len(text) > LONGEST:
        raise UsageError("the crontab is too long for the lab", hint="`cronbox check FILE` takes any")
    zone = form.get("zone") or "UTC"
    if zone not in available_timezones():
        raise UsageError(f"no time zone {zone!r}", hint="write it as in Europe/Berlin")
    return await run_in_threadpool(_answer, request, text, ZoneInfo(zone))


def _answer(request: Request, text: str, zone: ZoneInfo) -> Response:
    crontab = parse_crontab(text.encode("utf-8", "surrogateescape"), file="pasted")
    problems = _problems(crontab, zone)
    now: datetime = request.app.state.site.now()
    jobs = list(islice(_jobs(crontab, zone, now), MOST_JOBS))
    return page(request, "lab.html", text=text, zone=str(zone), where=zone, problems=problems, jobs=jobs)


def _problems(crontab: Crontab, zone: ZoneInfo) -> list[Problem]:
    """The first ones: as many as anybody reads."""
    found = lint_box([crontab], zone=zone, facts=BoxFacts(users=DEBIAN_USERS))
    return found[:MOST_PROBLEMS]


def _jobs(crontab: Crontab, zone: ZoneInfo, now: datetime) -> Iterator[Foreseen]:
    """Of a file with a line that cron refuses, cron starts nothing."""
    if crontab.cron_error():
        return
    for job in jobs_of([crontab], box="", defaults=Policy()):
        reboot = job.schedule.reboot
        ahead = () if reboot else tuple(islice(fires(job.schedule, zone, now), STARTS))
        yield Foreseen(job, in_words(job.schedule), ahead)
