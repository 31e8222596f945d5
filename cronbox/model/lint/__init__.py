"""The linter for crontabs: pure, quick, and sound: a file without errors is one that cron loads."""

from cronbox.model.lint.check import fix, lint, lint_box
from cronbox.model.lint.context import BoxFacts, MountedFolder
from cronbox.model.lint.problem import Fix, Problem, Severity
from cronbox.model.lint.rules import RULES, Rule
from cronbox.model.lint.selection import EVERY_RULE, Selection, read_selection, rule_codes

__all__ = [
    "EVERY_RULE",
    "RULES",
    "BoxFacts",
    "Fix",
    "MountedFolder",
    "Problem",
    "Rule",
    "Selection",
    "Severity",
    "fix",
    "lint",
    "lint_box",
    "read_selection",
    "rule_codes",
]
