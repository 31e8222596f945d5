"""The environment of a job, as bytes: what is not UTF-8 in a crontab reaches the job as it was."""

from __future__ import annotations

import os

from .accounts import Account
from .clock import utc_minute_text
from .request import Request
from .table import Job

DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = b"/bin/sh"


def container_environment() -> dict[bytes, bytes]:
    """What the container was started with; Python may add LC_CTYPE to its own os.environ (PEP 538)."""
    with open("/proc/self/environ", "rb") as file:
        pairs = [entry.partition(b"=") for entry in file.read().split(b"\0")]
    return {name: value for name, equals, value in pairs if equals}


def job_environment(job: Job, account: Account, container: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The container's environment, then the crontab's lines, then what cron itself sets.

    cron lets the crontab set HOME and SHELL, but never who the user is (entry.c:264).
    """
    env = {b"PATH": DEFAULT_PATH, **container, b"HOME": os.fsencode(account.home), b"SHELL": DEFAULT_SHELL}
    env.update((as_bytes(name), as_bytes(value)) for name, value in job.env)
    env[b"LOGNAME"] = env[b"USER"] = as_bytes(account.name)
    return env


def asked_for(request: Request) -> dict[bytes, bytes]:
    """What a person gave this one run."""
    return {as_bytes(name): as_bytes(value) for name, value in request.env}


def run_variables(request: Request, last_success: str | None, result: str) -> dict[bytes, bytes]:
    """What tells a job which run it is, when the last one began that succeeded (UTC, empty for none), and the
    file that takes what it says about itself."""
    slot = "" if request.slot is None else utc_minute_text(request.slot)
    return {
        b"CRONBOX_RUN_ID": as_bytes(request.run),
        b"CRONBOX_JOB": as_bytes(request.job.name),
        b"CRONBOX_ATTEMPT": b"%d" % request.attempt,
        b"CRONBOX_SCHEDULED_FOR": slot.encode(),
        b"CRONBOX_TRIGGER": request.trigger.value.encode(),
        b"CRONBOX_LAST_SUCCESS": (last_success or "").encode(),
        b"CRONBOX_RESULT": as_bytes(result),
    }


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
