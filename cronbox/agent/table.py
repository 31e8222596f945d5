"""The jobs behind the trigger lines, as /etc/cronbox/table.json gives them."""

from __future__ import annotations

from typing import Any, NamedTuple

from .files import read_json_object
from .slots import Schedule

SEGMENT_BYTES = 8 * 1024 * 1024
TOTAL_BYTES = 256 * 1024 * 1024


class BadTable(Exception):
    """The table cannot be read; the one in force goes on."""


class Job(NamedTuple):
    """One job. Times are seconds, sizes bytes; `schedule` is None for an @reboot job."""

    name: str
    user: str
    command: str
    stdin: str | None
    env: tuple[tuple[str, str], ...]
    schedule: Schedule | None
    timeout: float | None
    kill_after: float
    overlap: str
    workdir: str | None
    output_limit: int
    ok_codes: frozenset[int]
    paused: bool


class Table(NamedTuple):
    """All jobs of the box, and what holds for the box as a whole."""

    digest: str = ""
    stop_grace: float = 30.0
    log_segment: int = SEGMENT_BYTES
    log_total: int = TOTAL_BYTES
    jobs: dict[str, Job] = {}  # noqa: RUF012 - replaced as a whole, never changed


def read_table(path: str) -> Table:
    """The table in a file; an empty one if there is no file yet. Raises BadTable."""
    try:
        return parse_table(read_json_object(path))
    except FileNotFoundError:
        return Table()
    except (OSError, ValueError) as error:
        raise BadTable(f"{path}: {error}") from error


def parse_table(raw: dict[str, Any]) -> Table:
    """Raises BadTable. Keys it does not know are left alone: the daemon may be newer than the box."""
    try:
        jobs = [_job(entry) for entry in raw["jobs"]]
        return Table(
            digest=str(raw["digest"]),
            stop_grace=float(raw.get("stop_grace", 30.0)),
            log_segment=int(raw.get("log_segment", SEGMENT_BYTES)),
            log_total=int(raw.get("log_total", TOTAL_BYTES)),
            jobs={job.name: job for job in jobs},
        )
    except KeyError as missing:
        raise BadTable(f"the table needs the key {missing}") from missing
    except (TypeError, ValueError, AttributeError) as error:
        raise BadTable(f"the table has a wrong value: {error}") from error


def _job(raw: dict[str, Any]) -> Job:
    timeout = raw.get("timeout")
    return Job(
        name=raw["name"],
        user=raw["user"],
        command=raw["command"],
        stdin=raw.get("stdin"),
        env=tuple((str(name), str(value)) for name, value in raw.get("env", ())),
        schedule=_schedule(raw["schedule"]),
        timeout=None if timeout is None else float(timeout),
        kill_after=float(raw.get("kill_after", 10.0)),
        overlap=raw.get("overlap", "skip"),
        workdir=raw.get("workdir"),
        output_limit=int(raw.get("output_limit", 10 * 1024 * 1024)),
        ok_codes=frozenset(int(code) for code in raw.get("ok_codes", (0,))),
        paused=bool(raw.get("paused", False)),
    )


def _schedule(raw: dict[str, Any]) -> Schedule | None:
    if raw["text"] == "@reboot":
        return None
    return Schedule(
        minutes=frozenset(raw["minutes"]),
        hours=frozenset(raw["hours"]),
        days=frozenset(raw["days"]),
        months=frozenset(raw["months"]),
        weekdays=frozenset(raw["weekdays"]),
        days_starred=bool(raw["days_starred"]),
        weekdays_starred=bool(raw["weekdays_starred"]),
        wildcard=bool(raw["wildcard"]),
    )
