"""Alerts: what a target wants to be told, and when. Pure decisions over what is remembered of each job.

A target remembers, for each job, how many runs in a row failed (`Standing`). So `after` and `recovered` mean
the same before and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cronbox.model.run import Run, Status


class Kind(StrEnum):
    """What a target can be told."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    MISSED = "missed"
    RECOVERED = "recovered"
    SLOW = "slow"
    LATE = "late"
    BOX_DOWN = "box_down"
    DEGRADED = "degraded"
    SUCCESS = "success"


TROUBLES: Mapping[Status, Kind] = {
    Status.FAILED: Kind.FAILED,
    Status.TIMED_OUT: Kind.TIMED_OUT,
    Status.LOST: Kind.LOST,
    Status.MISSED: Kind.MISSED,
}
"""Ends that count as a failure. What a person killed, or a policy skipped, says nothing either way."""

DEFAULT_WHEN = (
    Kind.FAILED,
    Kind.TIMED_OUT,
    Kind.LOST,
    Kind.MISSED,
    Kind.BOX_DOWN,
    Kind.DEGRADED,
    Kind.RECOVERED,
)


OF_A_RUN = frozenset({Kind.SLOW, Kind.LATE})
"""Conditions of a run, whose own end is told."""


class Tone(StrEnum):
    """How grave a message is; services show it as a colour. The gravest first."""

    FAILURE = "failure"
    WARNING = "warning"
    SUCCESS = "success"
    INFO = "info"


TONES: Mapping[str, Tone] = {
    Kind.FAILED: Tone.FAILURE,
    Kind.TIMED_OUT: Tone.FAILURE,
    Kind.LOST: Tone.FAILURE,
    Kind.MISSED: Tone.FAILURE,
    Kind.BOX_DOWN: Tone.FAILURE,
    Kind.DEGRADED: Tone.WARNING,
    Kind.SLOW: Tone.WARNING,
    Kind.LATE: Tone.WARNING,
    Kind.RECOVERED: Tone.SUCCESS,
    Kind.SUCCESS: Tone.SUCCESS,
}


def tone_of(kinds: Iterable[str]) -> Tone:
    """That of the gravest of these; what is no Kind is information."""
    return min((TONES.get(kind, Tone.INFO) for kind in kinds), key=list(Tone).index)


class Ping(StrEnum):
    """What a service that watches us is told of a run."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one target is told. Without `after`, of each failure; with it, once, of the Nth in a row.

    `jobs` are `BOX` or `BOX/JOB`; none means all. Jobs with a `notify=` of their own are in `named` or in
    `silent` instead. `digest` is for how many seconds things are gathered. A rule with `pings` sends those.
    """

    name: str
    when: frozenset[Kind] = frozenset(DEFAULT_WHEN)
    after: int | None = None
    jobs: tuple[str, ...] = ()
    digest: float = 0.0
    pings: bool = False
    named: frozenset[str] = field(default=frozenset())
    silent: frozenset[str] = field(default=frozenset())

    def concerns(self, box: str, job: str | None) -> bool:
        """Whether the target is told of this job, or of this box. One job of a box makes its target want to
        know of the whole box."""
        if job is None:
            return not self.jobs or any(target.partition("/")[0] == box for target in self.jobs)
        key = f"{box}/{job}"
        if key in self.named or key in self.silent:
            return key in self.named
        return not self.jobs or box in self.jobs or key in self.jobs

    def as_json(self) -> dict[str, Any]:
        return {
            "when": sorted(self.when),
            "after": self.after,
            "jobs": list(self.jobs),
            "digest": self.digest,
            "pings": self.pings,
            "named": sorted(self.named),
            "silent": sorted(self.silent),
        }


def rule_from(name: str, raw: Mapping[str, Any]) -> Rule:
    """The inverse of `Rule.as_json`."""
    return Rule(
        name=name,
        when=frozenset(map(Kind, raw["when"])),
        after=raw["after"],
        jobs=tuple(raw["jobs"]),
        digest=raw["digest"],
        pings=raw["pings"],
        named=frozenset(raw["named"]),
        silent=frozenset(raw["silent"]),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target remembers of a job or a condition: failures in a row, whether it was told of them, and
    the run that was counted last, by its first attempt."""

    failures: int = 0
    told: bool = False
    run: str | None = None


def judge(rule: Rule, run: Run, before: Standing) -> tuple[Kind | None, Standing]:
    """What the target is told of a run that ended, and what it remembers from then on.

    A failure of a kind that the target does not want neither counts nor ends a row. A run that was counted,
    and comes again with another failure (first lost, then failed; or its next attempt), is the same failure.
    """
    if run.status is Status.SUCCEEDED:
        return _after_success(rule, before), Standing()
    kind = TROUBLES.get(run.status)
    if kind is None or kind not in rule.when or before.run == run.first_attempt:
        return None, before
    failures = before.failures + 1
    tells = rule.after is None or failures == rule.after
    return kind if tells else None, Standing(failures, before.told or tells, run.first_attempt)


def _after_success(rule: Rule, before: Standing) -> Kind | None:
    if before.told and Kind.RECOVERED in rule.when:
        return Kind.RECOVERED
    return Kind.SUCCESS if Kind.SUCCESS in rule.when else None


def judge_condition(rule: Rule, kind: Kind, before: Standing, *, holds: bool) -> tuple[Kind | None, Standing]:
    """The same for something that begins and ends, such as a box that is down: told once when it begins, and
    of its end only a target that was told of its beginning. A slow run that ends may have failed, and so may
    one that was late: its end is told as that of any run."""
    if holds:
        tells = kind in rule.when and not before.told
        return (kind, replace(before, told=True)) if tells else (None, before)
    tells = before.told and kind not in OF_A_RUN and Kind.RECOVERED in rule.when
    return Kind.RECOVERED if tells else None, Standing()


def ping_of(run: Run) -> Ping | None:
    """What a ping says of a run as it stands now."""
    match run.status:
        case Status.RUNNING:
            return Ping.START
        case Status.SUCCEEDED:
            return Ping.SUCCESS
        case status if status in TROUBLES:
            return Ping.FAIL
        case _:
            return None
