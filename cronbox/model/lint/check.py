"""The linter: every rule over every line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from cronbox.model.crontab import Broken, Comment, Crontab, Entry, EnvLine, is_directive
from cronbox.model.directives import NOTHING, parse_directives
from cronbox.model.lint.across import crowded_minute, overrunning, same_entry, same_name
from cronbox.model.lint.broken import BROKEN_RULES
from cronbox.model.lint.commands import COMMAND_RULES
from cronbox.model.lint.context import BoxFacts, Context, Finding
from cronbox.model.lint.dependencies import about_each_other
from cronbox.model.lint.entries import ENTRY_RULES
from cronbox.model.lint.environment import ENVIRONMENT_RULES
from cronbox.model.lint.files import FILE_RULES
from cronbox.model.lint.notes import almost, directives, orphan
from cronbox.model.lint.problem import Problem
from cronbox.model.lint.rules import RULES
from cronbox.model.lint.schedules import SCHEDULE_RULES

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NO_FACTS = BoxFacts()
_RULES_OF_ENTRIES = (*ENTRY_RULES, *SCHEDULE_RULES, *COMMAND_RULES)


def lint(
    crontab: Crontab,
    *,
    known_users: frozenset[str] | None = None,
    zone: ZoneInfo | None = None,
    facts: BoxFacts | None = None,
    select: frozenset[str] | None = None,
    ignore: frozenset[str] = frozenset(),
) -> list[Problem]:
    """What is wrong with one file, by line and column.

    `known_users` go before those in `facts`; without either, any plausible user will do. `zone` is the box's,
    for clock changes. `select` and `ignore` hold codes or beginnings of codes, such as `CB4`.

    If there is no error among the problems, cron accepts the file; if cron refuses it, there is one, unless
    it was ignored.
    """
    users = known_users if known_users is not None else facts.users if facts else None
    context = Context(crontab, users, zone, facts or NO_FACTS)
    findings = [*_about_file(context), *_about_lines(context)]
    return _problems(((crontab, finding) for finding in findings), select, ignore)


def lint_box(
    crontabs: Sequence[Crontab],
    *,
    known_users: frozenset[str] | None = None,
    zone: ZoneInfo | None = None,
    facts: BoxFacts | None = None,
    select: frozenset[str] | None = None,
    ignore: frozenset[str] = frozenset(),
) -> list[Problem]:
    """What is wrong with the files of one box, each by itself and together; in the order of the files."""
    problems = [
        problem
        for crontab in crontabs
        for problem in lint(
            crontab, known_users=known_users, zone=zone, facts=facts, select=select, ignore=ignore
        )
    ]
    order = {crontab.file: index for index, crontab in enumerate(crontabs)}
    problems += _problems(_across(crontabs, facts or NO_FACTS), select, ignore)
    return sorted(
        problems, key=lambda problem: (order[problem.file], problem.line, problem.column, problem.code)
    )


def fix(data: bytes, problems: Iterable[Problem]) -> bytes:
    """The file with every safe repair that does not touch another one; lint again for the rest."""
    fixes = sorted({fix for problem in problems for fix in problem.fixes}, key=attrgetter("start", "end"))
    parts, at = [], 0
    for repair in fixes:
        if repair.start >= at:
            parts += [data[at : repair.start], repair.replacement]
            at = repair.end
    return b"".join([*parts, data[at:]])


def _about_file(context: Context) -> Iterator[Finding]:
    for rule in FILE_RULES:
        yield from rule(context)


def _about_lines(context: Context) -> Iterator[Finding]:
    last_entry = max((entry.line for entry in context.crontab.entries), default=0)
    for line in context.crontab.lines:
        match line:
            case Entry():
                yield from _about_entry(line, context)
            case EnvLine():
                found = (finding for rule in ENVIRONMENT_RULES for finding in rule(line, context))
                yield from _with_directives(line, [*found, *_useless(line, last_entry)])
            case Broken():
                yield from _with_directives(line, [f for rule in BROKEN_RULES for f in rule(line, context)])
            case Comment():
                yield from almost(line)
            case _:
                continue
    yield from _orphans(context.crontab)


def _about_entry(entry: Entry, context: Context) -> Iterable[Finding]:
    findings: list[Finding] = []
    for rule in _RULES_OF_ENTRIES:
        findings += rule(entry, context)
    return _with_directives(entry, findings) if entry.directives else findings


def _with_directives(line: Entry | EnvLine | Broken, findings: list[Finding]) -> Iterator[Finding]:
    """The findings of a line that its directives do not ignore, and those about the directives."""
    read = parse_directives(line.directives) if line.directives else NOTHING
    for finding in (*findings, *directives(line, read)):
        if finding.code not in read.ignored:
            yield finding


def _useless(line: EnvLine, last_entry: int) -> Iterator[Finding]:
    if line.line > last_entry:
        message = "no entry stands below this line, so it does nothing"
        yield Finding(line.line, line.name_column, "CB212", message, "move it above the entries it is for")


def _orphans(crontab: Crontab) -> Iterator[Finding]:
    """Directives that stand over no line."""
    taken = {
        comment.line
        for line in crontab.lines
        if isinstance(line, (Entry, EnvLine, Broken))
        for comment in line.directives
    }
    for line in crontab.lines:
        if isinstance(line, Comment) and line.line not in taken and is_directive(line):
            yield orphan(line)


def _across(crontabs: Sequence[Crontab], facts: BoxFacts) -> Iterator[tuple[Crontab, Finding]]:
    placed = [(crontab, entry) for crontab in crontabs for entry in crontab.entries]
    findings = (
        *same_entry(placed),
        *same_name(placed),
        *crowded_minute(placed),
        *overrunning(placed, facts),
        *about_each_other(placed, facts),
    )
    ignored = {
        (crontab.file, entry.line): parse_directives(entry.directives).ignored
        for crontab, entry in placed
        if entry.directives
    }
    for crontab, finding in findings:
        if finding.code not in ignored.get((crontab.file, finding.line), frozenset()):
            yield crontab, finding


def _problems(
    findings: Iterable[tuple[Crontab, Finding]], select: frozenset[str] | None, ignore: frozenset[str]
) -> list[Problem]:
    problems = [
        Problem(
            file=crontab.file,
            line=finding.line,
            column=finding.column,
            code=finding.code,
            severity=RULES[finding.code].severity,
            message=finding.message,
            hint=finding.hint,
            fixes=finding.fixes,
        )
        for crontab, finding in findings
        if _wanted(finding.code, select, ignore)
    ]
    return sorted(problems, key=attrgetter("line", "column", "code"))


def _wanted(code: str, select: frozenset[str] | None, ignore: frozenset[str]) -> bool:
    if ignore and code.startswith(tuple(ignore)):
        return False
    return select is None or code.startswith(tuple(select))
