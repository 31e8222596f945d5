"""The one table of job keys that directives, config.toml, the documentation and the linter share.

To add a key: a row in `KEYS`, a field in `Policy`, and what obeys it in the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from cronbox.model import values
from cronbox.model.job import CatchupMode, Overlap, Policy

IGNORE = "ignore"
"""Stands beside the keys in a directive; it is for the linter."""


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table. `read` makes what Policy holds of a text or a TOML value, or raises ValueError"""

    name: str
    type: str
    default: str
    """As one would write it; empty where there is none."""
    unit: str
    doc: str
    read: Callable[[object], object]

    @property
    def attribute(self) -> str:
        """The field of Policy."""
        return self.name.replace("-", "_")


_ROWS = (
    Key("name", "name", "", "", "What the job is called; from its command if it is not given.", values.name),
    Key("description", "text", "", "", "A sentence for people.", values.text),
    Key(
        *("timeout", "duration", "none", "s"),
        "The run is ended after this long; `none` lets it go on.",
        values.optional(values.positive_duration),
    ),
    Key(
        *("kill-after", "duration", "10s", "s"),
        "How long it has between SIGTERM and SIGKILL.",
        values.duration,
    ),
    Key(
        *("overlap", "skip | allow | queue | replace", "skip", ""),
        "When it is due while its last run goes on: skip it, run both, have one wait, or end the old one.",
        values.one_of(Overlap),
    ),
    Key("group", "name", "", "", "Takes a place of this group of its box.", values.optional(values.name)),
    Key(
        *("retries", "number", "0", ""),
        "How often a run that failed is tried again.",
        values.whole(0, 100),
    ),
    Key("retry-delay", "duration", "1m", "s", "From a failed attempt to the next.", values.duration),
    Key(
        *("retry-backoff", "factor", "1", ""),
        "By what each further delay grows; a delay is a day at most.",
        values.factor,
    ),
    Key(
        *("retry-codes", "exit codes", "", ""),
        "Try again after these only; without it, after every failure.",
        values.optional(values.exit_codes),
    ),
    Key(
        *("grace", "duration", "5m", "s"),
        "How late it may start before it is called late, or missed where nothing was heard of it.",
        values.grace,
    ),
    Key(
        *("max-runtime", "duration", "none", "s"),
        "A run that takes longer is told of, and goes on; for a warning before the `timeout`.",
        values.optional(values.positive_duration),
    ),
    Key(
        *("jitter", "duration", "0s", "s"),
        "Starts up to so much later, always by the same share: jobs spread out.",
        values.duration,
    ),
    Key(
        *("catchup", "none | latest | all", "none", ""),
        "Which of the slots that were missed while the box was away are run later.",
        values.one_of(CatchupMode),
    ),
    Key(
        "catchup-deadline",
        "duration",
        "1d",
        "s",
        "Missed slots older than this stay missed.",
        values.duration,
    ),
    Key(
        *("catchup-limit", "number", "100", ""),
        "At most so many missed slots are made up for, the newest.",
        values.whole(1, 10_000),
    ),
    Key(
        *("after", "names", "", ""),
        "Waits until these jobs of the box have succeeded for their newest slot not later than its own.",
        values.names,
    ),
    Key("after-wait", "duration", "1h", "s", "How long it waits for them at most.", values.duration),
    Key(
        *("workdir", "path", "", ""),
        "Where it starts; the user's home if it is not given.",
        values.optional(values.path),
    ),
    Key(
        "output-limit",
        "size",
        "10MiB",
        "bytes",
        "How much of its output is kept, head and tail.",
        values.size,
    ),
    Key("ok-codes", "exit codes", "0", "", "Exit codes that mean success, with commas.", values.exit_codes),
    Key("nice", "number", "0", "", "How far it gives way to others, 0 to 19.", values.whole(0, 19)),
    Key(
        *("ionice", "class", "", ""),
        "`idle`, or `best-effort:0` (first) to `best-effort:7` (last).",
        values.optional(values.io_class),
    ),
    Key(
        *("memory-limit", "size", "", "bytes"),
        "Memory of its own (data, heap, threads) that each of its processes may have.",
        values.optional(values.size),
    ),
    Key(
        *("cpu-time", "duration", "", "s"),
        "CPU time that each of its processes may use, in whole seconds.",
        values.optional(values.whole_seconds),
    ),
    Key(
        *("max-processes", "number", "", ""),
        "Processes that its user may have while it runs; for root it means nothing.",
        values.optional(values.whole(1, 1_000_000)),
    ),
    Key(
        *("notify", "names", "", ""),
        "Who is told of it: targets of config.toml, or `none`; without it, each target's `jobs` say so.",
        values.targets,
    ),
    Key("paused", "yes | no", "no", "", "Its slots are skipped, with that reason.", values.flag),
)
KEYS: dict[str, Key] = {key.name: key for key in _ROWS}
"""Every key, in the order in which the documentation shows them."""

OF_ONE_JOB = frozenset({"name", "description", "after"})
"""Keys that make no sense for many jobs at once, so config.toml has them not."""


def read_setting(key: str, value: object) -> object:
    """The value as Policy holds it. Raises ValueError: an unknown key (with the nearest one), a bad value."""
    if key not in KEYS:
        raise ValueError(f"{key!r} is no key{did_you_mean(key, [*KEYS, IGNORE])}")
    return KEYS[key].read(value)


def policy_from(settings: Mapping[str, object], base: Policy) -> Policy:
    """`base` with these settings; values are texts as in a directive, or TOML's.

    `name` is checked, but no part of a policy. Raises ValueError for the first that is wrong.
    """
    read = {KEYS[key].attribute: value for key, value in _read_all(settings).items() if key != "name"}
    return replace(base, **read) if read else base  # type: ignore[arg-type]


def _read_all(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: read_setting(key, value) for key, value in settings.items()}


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean timeout?`, or nothing where no word is near."""
    near = get_close_matches(word.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
