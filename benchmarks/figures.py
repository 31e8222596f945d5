"""What a measurement comes to: a figure, the baseline it stands beside, and what was aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of a row: the text for people, and whether (figure, baseline) comes up to it."""

    text: str
    met: Callable[[float, float], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `against` says what the baseline is; both are in `unit`."""

    name: str
    figure: float
    baseline: float
    unit: str
    against: str
    aim: Aim | None = None

    @property
    def ratio(self) -> float | None:
        """Figure over baseline; None where the baseline is nothing."""
        return self.figure / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        return None if self.aim is None else self.aim.met(self.figure, self.baseline)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "figure": self.figure,
            "baseline": self.baseline,
            "unit": self.unit,
            "against": self.against,
            "ratio": self.ratio,
            "aim": self.aim.text if self.aim else None,
            "met": self.met,
        }


def at_most(limit: float, unit: str) -> Aim:
    """The figure itself, in the row's unit."""
    return Aim(f"≤ {limit:g} {unit}", lambda figure, _: figure <= limit)


def at_most_over(limit: float, unit: str) -> Aim:
    """So much more than the baseline, in the row's unit."""
    return Aim(f"≤ +{limit:g} {unit}", lambda figure, baseline: figure - baseline <= limit)


def at_most_times(limit: float) -> Aim:
    """So many times the baseline, or a part of it."""
    text = f"≤ {limit:g}×" if limit >= 1 else f"≤ 1/{1 / limit:g}"
    return Aim(text, lambda figure, baseline: figure <= limit * baseline)


def at_least_times(limit: float) -> Aim:
    return Aim(f"≥ {limit:g}×", lambda figure, baseline: figure >= limit * baseline)


LESS = Aim("less", lambda figure, baseline: figure < baseline)
