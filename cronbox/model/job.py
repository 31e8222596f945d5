"""A job: one entry of a crontab, with all that is needed to run it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronbox.model.fields import Schedule


class Overlap(StrEnum):
    """What happens when a job is due while its last run still goes on."""

    SKIP = "skip"
    ALLOW = "allow"
    QUEUE = "queue"
    REPLACE = "replace"


class CatchupMode(StrEnum):
    """Which missed slots are made up for."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Policy:
    """How the agent runs a job. Times are seconds, sizes bytes. `settings.KEYS` says what each means."""

    description: str = ""
    timeout: float | None = None
    kill_after: float = 10.0
    overlap: Overlap = Overlap.SKIP
    group: str | None = None
    retries: int = 0
    retry_delay: float = 60.0
    retry_backoff: float = 1.0
    retry_codes: tuple[int, ...] | None = None
    grace: float = 300.0
    max_runtime: float | None = None
    jitter: float = 0.0
    catchup: CatchupMode = CatchupMode.NONE
    catchup_deadline: float = 86_400.0
    catchup_limit: int = 100
    after: tuple[str, ...] = ()
    after_wait: float = 3600.0
    workdir: str | None = None
    output_limit: int = 10 * 1024 * 1024
    ok_codes: tuple[int, ...] = (0,)
    nice: int = 0
    ionice: str | None = None
    memory_limit: int | None = None
    cpu_time: int | None = None
    max_processes: int | None = None
    notify: tuple[str, ...] | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry stands: the file's path as the user would write it, and its line, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of a crontab.

    `command` and `stdin` are what cron would hand to the shell after it has decoded `%` and backslashes;
    `stdin` is None where the entry has no unescaped `%`. `env` is the crontab's own environment at the
    entry's line, in the order of the file, later lines winning. Bytes that are not UTF-8 are carried as
    surrogate escapes.
    """

    box: str
    name: str
    schedule: Schedule
    user: str
    command: str
    stdin: str | None
    env: tuple[tuple[str, str], ...]
    source: Source
    policy: Policy = field(default_factory=Policy)

    @property
    def key(self) -> str:
        """`box/name`, as people call it."""
        return f"{self.box}/{self.name}"

    @property
    def delay(self) -> float:
        """Seconds after its slot at which it starts: its share of the jitter, the same at every run."""
        share = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4], "big") / 2**32
        return round(self.policy.jitter * share, 3)
