"""Runs on request: start one now, follow it to its end, kill it, pause and resume.

What the box's agent makes of a request is read straight from the box's log, so that all of this works the
same with a daemon and without one.
"""

from __future__ import annotations

import getpass
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from cronbox.engine import AGENT
from cronbox.errors import EngineError, NotFound
from cronbox.model.event import Event, format_time, parse_event
from cronbox.model.job import Job, Policy
from cronbox.model.run import Run
from cronbox.ops import Site
from cronbox.ops.crontabs import read_crontabs
from cronbox.ops.inside import box_inside, send

TIMED_OUT = 124
"""What `run --wait` ends with for a run that took too long, as timeout(1) does."""
SIGNAL_BASE = 128
ANSWER_S = 15.0
"""How long a living agent may take to act on a command, and to write that it did."""
BEYOND_THE_END = 1 << 62
"""A `seq` that no log reaches."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that somebody asks for. `slot` is the minute of the schedule that it stands for, `origin` the run
    that it repeats; `patient` waits its turn where the job's overlap would have it skipped."""

    job: str
    slot: datetime | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    origin: str | None = None
    patient: bool = False

    @classmethod
    def again(cls, run: Run) -> Asked:
        """The same once more: slot, variables and arguments."""
        return cls(run.job, run.scheduled_for, run.env or {}, run.args or (), origin=run.id)

    def command(self, run: str) -> dict[str, object]:
        """What the box's agent is told, with the id that the run shall have."""
        told: dict[str, object] = {"do": "run", "run": run, "job": self.job, "by": requested_by()}
        if self.slot is not None:
            told["scheduled_for"] = format_time(self.slot)
        for key in ("env", "args", "origin", "patient"):
            if value := getattr(self, key):
                told[key] = value
        return told


def start(site: Site, container: str, asked: Asked) -> str:
    """Have the box's agent start a run, or put it in line -> the run's id."""
    run = secrets.token_hex(8)
    send(site.engine, container, asked.command(run))
    return run


def requested_by() -> str:
    """`user@host`: who asks, as the log shall tell."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def find_job(site: Site, box: str, name: str) -> Job:
    """The job as the crontabs have it. Raises NotFound, with the names that come close."""
    jobs = {job.name: job for job in read_crontabs(site.config, site.config.box(box), None).jobs}
    if name not in jobs:
        close = " or ".join(f"{box}/{near}" for near in get_close_matches(name, jobs))
        hint = f"did you mean {close}?" if close else f"`cronbox jobs {box}` lists them"
        raise NotFound(f"no job {name!r} in box {box}", hint=hint)
    return jobs[name]


def check_job(site: Site, box: str, job: str) -> None:
    """Raises NotFound, with the names that come close, if the crontabs have no such job."""
    find_job(site, box, job)


@contextmanager
def followed_run(site: Site, box: str, asked: Asked) -> Iterator[tuple[str, Iterator[Event]]]:
    """Start a run now, and give its id and its events up to its end, live.

    The iterator raises NotFound if the box does not know the job, and EngineError if the box does not take
    the request, or stops before the run ends. Leaving the context leaves the run alone.
    """
    check_job(site, box, asked.job)
    container = box_inside(site, box).container
    before = log_end(site, container).seq
    run = start(site, container, asked)
    with followed_log(site, container, before) as events:
        yield run, _until_its_end(events, run, box)


def _until_its_end(events: Iterable[Event], run: str, box: str) -> Iterator[Event]:
    for event in events:
        if event.run != run:
            continue
        check_taken(event, box)
        yield event
        if event.type in ("finished", "skipped"):
            return
    raise EngineError(
        f"{box} stopped before run {run} ended", hint=f"`cronbox show {run}` tells what became of it"
    )


def check_taken(event: Event, box: str) -> None:
    """Raises NotFound or EngineError if the event says that the box has refused a request."""
    if event.type == "unknown_job":
        job = event.data.get("job")
        raise NotFound(f"box {box} has no job {job!r} installed", hint=f"`cronbox sync {box}` installs it")
    if event.type == "bad_command":
        raise EngineError(f"box {box} took no run: {event.data.get('reason')}")


def exit_code_of(end: Event) -> int:
    """For `run --wait`: the job's own exit code, 128 + signal, 124 for a time-out, 1 if it never ran."""
    if end.data.get("status") == "timed_out":
        return TIMED_OUT
    if (signal := end.data.get("signal")) is not None:
        return SIGNAL_BASE + int(signal)
    code = end.data.get("exit_code")
    return 1 if code is None else int(code)


def pause(site: Site, box: str, job: str | None, *, until: datetime | None, why: str | None) -> None:
    """Have the box start nothing more of the job, or nothing at all, by its schedule. Running ones go on."""
    command: dict[str, object] = {
        "do": "pause",
        "job": job,
        "until": format_time(until) if until else None,
        "why": why or "",
    }
    _pause_or_resume(site, box, job, command, answer="paused")


def resume(site: Site, box: str, job: str | None) -> None:
    """End a pause. A pause of the box and one of its job are two: each is resumed by itself."""
    _pause_or_resume(site, box, job, {"do": "resume", "job": job}, answer="resumed")


def _pause_or_resume(
    site: Site, box: str, job: str | None, command: dict[str, object], *, answer: str
) -> None:
    if job is not None:
        check_job(site, box, job)
    container = box_inside(site, box).container

    def done(event: Event) -> bool:
        return event.type == answer and event.data.get("job") == job

    if _commanded(site, container, command, done, limit=ANSWER_S) is None:
        raise EngineError(f"the agent of {box} does not answer", hint="`cronbox doctor` looks closer")


def kill(site: Site, run: Run) -> Event | None:
    """Have the box kill an open run -> its end; None if it has not ended within its `kill-after` and more."""
    container = box_inside(site, run.box).container

    def done(event: Event) -> bool:
        return event.type == "finished" and event.run == run.id

    return _commanded(
        site, container, {"do": "kill", "run": run.id}, done, limit=_kill_after(site, run) + ANSWER_S
    )


def _kill_after(site: Site, run: Run) -> float:
    """Seconds that the run's job has between SIGTERM and SIGKILL."""
    config = site.config.boxes.get(run.box)
    jobs = read_crontabs(site.config, config, None).jobs if config else ()
    return next((job.policy.kill_after for job in jobs if job.name == run.job), Policy().kill_after)


def _commanded(
    site: Site, container: str, command: dict[str, object], done: Callable[[Event], bool], *, limit: float
) -> Event | None:
    """Send a command and wait for the event that says it is done; None if none comes within `limit` seconds.

    Raises EngineError with the agent's words if it cannot do it.
    """
    before = log_end(site, container).seq
    send(site.engine, container, {**command, "by": requested_by()})
    with site.engine.stream(container, [*AGENT, "follow", str(before)]) as chunks:
        timer = threading.Timer(limit, chunks.close)
        timer.start()
        try:
            return _answer(_events(chunks), str(command["do"]), done)
        finally:
            timer.cancel()


def _answer(events: Iterable[Event], verb: str, done: Callable[[Event], bool]) -> Event | None:
    for event in events:
        if done(event):
            return event
        if event.type == "bad_command" and event.data.get("text") == verb:
            raise EngineError(f"the box cannot {verb} it: {event.data.get('reason')}")
    return None


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The newest event in a box's log."""

    log_id: str
    seq: int


def log_end(site: Site, container: str) -> LogEnd:
    """Where the box's log ends now. Raises EngineError."""
    said = site.engine.exec(container, [*AGENT, "follow", str(BEYOND_THE_END)])
    if said.exit_code != 0:
        words = said.stderr.decode(errors="replace").strip()
        raise EngineError(f"the box's log cannot be read: {words}", hint="`cronbox doctor` looks closer")
    head = json.loads(said.stdout.splitlines()[0])
    return LogEnd(str(head["log_id"]), int(head["last_seq"]))


@contextmanager
def followed_log(site: Site, container: str, seq: int) -> Iterator[Iterator[Event]]:
    """The events behind `seq` as they come; they end with the box."""
    with site.engine.stream(container, [*AGENT, "follow", str(seq)]) as chunks:
        yield _events(chunks)


def _events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events that `follow` prints after its head line."""
    lines = _lines(chunks)
    next(lines, None)
    return map(parse_event, lines)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; the rest of a line that never ended is no event and is left out."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
