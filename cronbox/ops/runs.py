"""Runs on request: start one now, follow it to its end, kill it, pause and resume."""

from __future__ import annotations

import getpass
import json
import secrets
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from cronbox.engine import AGENT
from cronbox.errors import EngineError, NotFound
from cronbox.model.event import Event, format_time, parse_event
from cronbox.model.job import Policy
from cronbox.model.run import Run
from cronbox.ops import Site
from cronbox.ops.catchup import catch_up
from cronbox.ops.crontabs import read_crontabs
from cronbox.ops.inside import box_inside
from cronbox.ops.reconcile import send

TIMED_OUT = 124
"""What `run --wait` ends with for a run that took too long, as timeout(1) does."""
SIGNAL_BASE = 128
KILL_POLL_S = 0.25
KILL_SLACK_S = 15.0
"""How much longer than its job's `kill-after` a killed run may take to be seen ended."""


def requested_by() -> str:
    """`user@host`: who asks, as the log shall tell."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def check_job(site: Site, box: str, job: str) -> None:
    """Raises NotFound, with the names there are, if the crontabs have no such job."""
    config = site.config.box(box)
    names = sorted(known.name for known in read_crontabs(site.config, config, None).jobs)
    if job not in names:
        raise NotFound(f"no job {job!r} in box {box}", hint=f"jobs: {', '.join(names) or 'none'}")


def run_now(site: Site, box: str, job: str) -> str:
    """Have the box's agent start the job now -> the run's id. It may still be skipped, or wait."""
    check_job(site, box, job)
    container = box_inside(site, box).container
    return _start(site, container, job)


def _start(site: Site, container: str, job: str) -> str:
    run = secrets.token_hex(8)
    send(site, container, {"do": "run", "run": run, "job": job, "by": requested_by()})
    return run


@contextmanager
def followed_run(site: Site, box: str, job: str) -> Iterator[tuple[str, Iterator[Event]]]:
    """Start the job now, and give its id and its events up to its end, live and straight from the box's log.

    The iterator raises NotFound if the box does not know the job, and EngineError if the box stops before
    the run ends. Leaving the context leaves the run alone.
    """
    check_job(site, box, job)
    container = box_inside(site, box).container
    before = _last_seq(site, container)
    run = _start(site, container, job)
    with site.engine.stream(container, [*AGENT, "follow", str(before)]) as chunks:
        yield run, _until_its_end(_events(chunks), run, job, box)


def _last_seq(site: Site, container: str) -> int:
    """The number of the newest event in the box's log."""
    with site.engine.stream(container, [*AGENT, "follow", "0"]) as chunks, closing(_lines(chunks)) as lines:
        head = next(lines, None)
    if head is None:
        raise EngineError("the box's log cannot be read", hint="`cronbox doctor` looks closer")
    return int(json.loads(head)["last_seq"])


def _until_its_end(events: Iterable[Event], run: str, job: str, box: str) -> Iterator[Event]:
    for event in events:
        if event.type == "unknown_job" and event.data.get("job") == job:
            raise NotFound(f"box {box} has no job {job!r} installed", hint=f"`cronbox sync {box}` installs it")
        if event.run == run:
            yield event
            if event.type in ("finished", "skipped"):
                return
    raise EngineError(f"{box} stopped before run {run} ended", hint=f"`cronbox show {run}` tells what became of it")


def _events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events that `follow` prints, without its head line."""
    lines = _lines(chunks)
    next(lines, None)
    return map(parse_event, lines)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; the rest of a line that never ended is no event and is left out."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


def exit_code_of(end: Event) -> int:
    """What `run --wait` ends with: the job's own exit code, 128 + signal, 124 for a time-out, 1 if it never ran."""
    if end.data.get("status") == "timed_out":
        return TIMED_OUT
    if (signal := end.data.get("signal")) is not None:
        return SIGNAL_BASE + int(signal)
    code = end.data.get("exit_code")
    return 1 if code is None else int(code)


def pause(site: Site, box: str, job: str | None, *, until: datetime | None, why: str | None) -> None:
    """Have the box start nothing more of the job, or nothing at all, by its schedule. Running ones go on."""
    _command(site, box, job, {"do": "pause", "until": format_time(until) if until else None, "why": why or ""})


def resume(site: Site, box: str, job: str | None) -> None:
    """End a pause. A pause of the box and one of its job are two: each is resumed by itself."""
    _command(site, box, job, {"do": "resume"})


def _command(site: Site, box: str, job: str | None, command: dict[str, object]) -> None:
    if job is not None:
        check_job(site, box, job)
    container = box_inside(site, box).container
    send(site, container, {**command, "job": job, "by": requested_by()})
    catch_up(site, [box])


def kill_limit(site: Site, run: Run) -> float:
    """Seconds within which a killed run should have ended: its job's `kill-after` and some slack."""
    config = site.config.boxes.get(run.box)
    jobs = read_crontabs(site.config, config, None).jobs if config else ()
    kill_after = next((job.policy.kill_after for job in jobs if job.name == run.job), Policy().kill_after)
    return kill_after + KILL_SLACK_S


def kill(site: Site, run: Run, *, limit: float) -> Run:
    """Have the box kill an open run, and wait up to `limit` seconds -> the run as it then is, ended or not."""
    send(site, box_inside(site, run.box).container, {"do": "kill", "run": run.id, "by": requested_by()})
    deadline = time.monotonic() + limit
    while True:
        catch_up(site, [run.box])
        seen = site.store.run(run.id)
        if not seen.status.is_open or time.monotonic() > deadline:
            return seen
        time.sleep(KILL_POLL_S)
