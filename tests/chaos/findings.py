"""What the checker's rules have in common: what they find, and what a run itself wrote down."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from cronbox.model.run import Run
from tests.chaos.truth import History, Mark

INSTANT_S = 0.25
"""From a run's first word to the line of the log that tells of it, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True, slots=True)
class Life:
    """What a run itself wrote down."""

    begun: Mark
    told: Mark | None = None
    ended: Mark | None = None

    @property
    def over(self) -> float | None:
        """When it was gone at the latest; None where nothing tells."""
        mark = self.ended or self.told
        return mark.at if mark else None


def lives(history: History, box: str) -> dict[str, Life]:
    """What each run of the box wrote, in the order of their beginnings."""
    found: dict[str, dict[str, Mark]] = defaultdict(dict)
    for mark in history.marks.get(box, ()):
        found[mark.run].setdefault(mark.what, mark)
    begun = sorted((marks for marks in found.values() if "begun" in marks), key=lambda m: m["begun"].at)
    return {m["begun"].run: Life(m["begun"], m.get("told"), m.get("ended")) for m in begun}


def may_be_unknown(history: History, box: str, life: Life) -> bool:
    """Whether its box was killed in the instant in which it began: the agent can write that down only when
    it has begun, and who is killed in between writes nothing."""
    begun = life.begun.at
    return life.over is None and history.died(box, begun, begun + INSTANT_S)


def named(box: str, mark: Mark) -> str:
    return f"{box}/{mark.job} run {mark.run}"


def of_row(run: Run) -> str:
    return f"{run.box}/{run.job} run {run.id}"
