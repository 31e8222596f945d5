"""The jobs behind the trigger lines, as /etc/cronbox/table.json gives them."""

from __future__ import annotations

from typing import Any, NamedTuple

from .files import read_json_object
from .schedule import Schedule, parse_schedule
from .secrets import Grant, parse_grant
from .windows import Window, parse_window

SEGMENT_BYTES = 8 * 1024 * 1024
TOTAL_BYTES = 256 * 1024 * 1024
HOUR = 3600.0
DAY = 86_400.0


class BadTable(Exception):
    """The table cannot be read; the one in force goes on."""


class Limits(NamedTuple):
    """What a job's processes may use; None means no limit of its own. Sizes are bytes, times seconds."""

    nice: int | None = None
    ionice: str | None = None
    """`idle`, or `best-effort` with a level from 0 to 7, as in `best-effort:7`."""
    memory: int | None = None
    cpu_time: int | None = None
    processes: int | None = None


class Retries(NamedTuple):
    """How often a run that failed is tried again, and when. `codes`: after these exit codes only."""

    most: int = 0
    delay: float = 60.0
    backoff: float = 1.0
    codes: frozenset[int] | None = None


class Catchup(NamedTuple):
    """What becomes of slots that nobody could run: `mode` is none, latest or all."""

    mode: str = "none"
    deadline: float = DAY
    limit: int = 100


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
    times: str = ""
    """The schedule as the crontab has it."""
    group: str | None = None
    retries: Retries = Retries()
    catchup: Catchup = Catchup()
    after: tuple[str, ...] = ()
    after_wait: float = HOUR
    delay: float = 0.0
    """How long after its slot it starts: the job's share of its jitter."""
    limits: Limits = Limits()


class Table(NamedTuple):
    """All jobs of the box, and what holds for the box as a whole."""

    digest: str = ""
    stop_grace: float = 30.0
    log_segment: int = SEGMENT_BYTES
    log_total: int = TOTAL_BYTES
    max_running: int | None = None
    groups: dict[str, int] = {}  # noqa: RUF012 - replaced as a whole, never changed
    windows: tuple[Window, ...] = ()
    secrets: tuple[Grant, ...] = ()
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
            max_running=_maybe(int, raw.get("max_running")),
            groups={str(name): int(most) for name, most in raw.get("groups", {}).items()},
            windows=tuple(map(parse_window, raw.get("windows", ()))),
            secrets=tuple(map(parse_grant, raw.get("secrets", ()))),
            jobs={job.name: job for job in jobs},
        )
    except KeyError as missing:
        raise BadTable(f"the table needs the key {missing}") from missing
    except (TypeError, ValueError, AttributeError) as error:
        raise BadTable(f"the table has a wrong value: {error}") from error


def _job(raw: dict[str, Any]) -> Job:
    return Job(
        name=raw["name"],
        user=raw["user"],
        command=raw["command"],
        stdin=raw.get("stdin"),
        env=tuple((str(name), str(value)) for name, value in raw.get("env", ())),
        schedule=parse_schedule(raw["schedule"]),
        timeout=_maybe(float, raw.get("timeout")),
        kill_after=float(raw.get("kill_after", 10.0)),
        overlap=raw.get("overlap", "skip"),
        workdir=raw.get("workdir"),
        output_limit=int(raw.get("output_limit", 10 * 1024 * 1024)),
        ok_codes=_codes(raw.get("ok_codes", (0,))),
        paused=bool(raw.get("paused", False)),
        times=str(raw["schedule"]["text"]),
        group=raw.get("group"),
        retries=_retries(raw),
        catchup=_catchup(raw),
        after=tuple(map(str, raw.get("after", ()))),
        after_wait=float(raw.get("after_wait", HOUR)),
        delay=float(raw.get("delay", 0.0)),
        limits=_limits(raw),
    )


def _retries(raw: dict[str, Any]) -> Retries:
    codes = raw.get("retry_codes")
    return Retries(
        most=int(raw.get("retries", 0)),
        delay=float(raw.get("retry_delay", 60.0)),
        backoff=float(raw.get("retry_backoff", 1.0)),
        codes=None if codes is None else _codes(codes),
    )


def _catchup(raw: dict[str, Any]) -> Catchup:
    return Catchup(
        mode=str(raw.get("catchup", "none")),
        deadline=float(raw.get("catchup_deadline", DAY)),
        limit=int(raw.get("catchup_limit", 100)),
    )


def _limits(raw: dict[str, Any]) -> Limits:
    return Limits(
        nice=_maybe(int, raw.get("nice")),
        ionice=raw.get("ionice"),
        memory=_maybe(int, raw.get("memory_limit")),
        cpu_time=_maybe(int, raw.get("cpu_time")),
        processes=_maybe(int, raw.get("max_processes")),
    )


def _codes(raw: Any) -> frozenset[int]:
    return frozenset(int(code) for code in raw)


def _maybe(read: Any, value: Any) -> Any:
    return None if value is None else read(value)
