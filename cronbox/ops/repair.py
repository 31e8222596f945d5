"""Repair crontabs where it is safe, in memory: what would change, and what is left to the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.lint import Problem, fix
from cronbox.ops.check import Checker, Group, parsed

MOST_PASSES = 10
"""One repair may make room for the next; after so many, whatever is left is left to the person."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A file as it was and as it would be with its safe fixes."""

    path: Path
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Repairs:
    """What the safe fixes change, with the problems before and after."""

    files: tuple[Repair, ...]
    before: tuple[Problem, ...]
    after: tuple[Problem, ...]


def repair(groups: Sequence[Group], checker: Checker) -> Repairs:
    """Every safe fix of the chosen rules, in memory. Each file is read once."""
    files: list[Repair] = []
    before: list[Problem] = []
    after: list[Problem] = []
    for group in groups:
        changed, found, left = _repaired(group, checker)
        files += changed
        before += found
        after += left
    return Repairs(tuple(files), tuple(before), tuple(after))


def _repaired(group: Group, checker: Checker) -> tuple[list[Repair], list[Problem], list[Problem]]:
    """Fix and look again until there is nothing left to fix -> what changes, problems before and after."""
    facts = checker.facts(group.box)
    was = crontabs = parsed(group)
    found = problems = checker.problems(group, crontabs, facts)
    for _ in range(MOST_PASSES):
        if not any(problem.fixes for problem in problems):
            break
        crontabs = _fixed(crontabs, problems)
        problems = checker.problems(group, crontabs, facts)
    sides = [(old.render(), new.render()) for old, new in zip(was, crontabs, strict=True)]
    repairs = [
        Repair(path, old, new) for path, (old, new) in zip(group.files, sides, strict=True) if old != new
    ]
    return repairs, found, problems


def _fixed(crontabs: Sequence[Crontab], problems: Sequence[Problem]) -> tuple[Crontab, ...]:
    """Those with something to fix read anew, the others as they are."""
    fixable: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.fixes:
            fixable.setdefault(problem.file, []).append(problem)
    return tuple(
        parse_crontab(fix(crontab.render(), fixable[crontab.file]), file=crontab.file, format=crontab.format)
        if crontab.file in fixable
        else crontab
        for crontab in crontabs
    )
