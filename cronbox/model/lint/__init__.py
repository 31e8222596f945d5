"""The linter for crontabs: pure, quick, and sound: a file without errors is one that cron loads."""

from cronbox.model.lint.check import fix, lint, lint_box
from cronbox.model.lint.context import BoxFacts, MountedFolder
from cronbox.model.lint.problem import Fix, Problem, Severity
from cronbox.model.lint.rules import RULES, Rule

__all__ = [
    "RULES",
    "BoxFacts",
    "Fix",
    "MountedFolder",
    "Problem",
    "Rule",
    "Severity",
    "fix",
    "lint",
    "lint_box",
]
