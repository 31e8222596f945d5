"""The command `check`: what the linter says, in the form that the reader wants, and its safe fixes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from cronbox import __version__
from cronbox.cli import show
from cronbox.cli.args import Json
from cronbox.cli.context import project_of
from cronbox.cli.fail import note
from cronbox.errors import ConfigError, UsageError
from cronbox.locate import CONFIG_NAME

if TYPE_CHECKING:
    from cronbox.cli.context import Project
    from cronbox.config import BoxConfig, Config
    from cronbox.model.lint import BoxFacts, Problem, Selection
    from cronbox.ops.check import Repair

app = typer.Typer()
PANEL = "Jobs"
Format = Literal["text", "json", "github", "sarif"]


@app.command(rich_help_panel=PANEL)
def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Crontab files, or folders of them.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", metavar="F", help="text, json, github or sarif.")
    ] = "text",
    json: Json = False,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what is safe to, and show the diff.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would do; write nothing.")] = False,
    select: Annotated[
        str | None, typer.Option("--select", metavar="CODES", help="Only these rules: CB404,CB5.")
    ] = None,
    ignore: Annotated[
        str | None, typer.Option("--ignore", metavar="CODES", help="Not these rules: CB404,CB5.")
    ] = None,
    users: Annotated[
        str, typer.Option("--users", metavar="A,B", help="Users that there are, beside Debian's.")
    ] = "",
) -> None:
    """Check config.toml and crontabs; ends with 1 if there is an error."""
    from cronbox.model.lint import Severity
    from cronbox.ops.check import Checker, groups_of, repair
    from cronbox.ops.check import check as problems_of

    form: Format = "json" if json else output
    project = project_of(ctx)
    config = project.config_if_any() if paths else _checked_config(project, form)
    selection = _selection(config, select, ignore)
    groups = groups_of(config, paths or [])
    more = frozenset(filter(None, users.split(",")))
    checker = Checker(lambda box: _facts(project, box), more, selection)
    if fix or diff:
        repairs, left = repair(groups, checker)
        _show_repairs(repairs, sys.stdout if form == "text" else sys.stderr)
        if fix and not diff:
            _write(repairs)
        problems = left if fix and not diff else problems_of(groups, checker)
    else:
        problems = problems_of(groups, checker)
    if not (diff and form == "text"):
        _print(problems, form)
    if form == "text":
        note(_summary(problems, sum(len(group.files) for group in groups)))
    raise typer.Exit(1 if any(problem.severity is Severity.ERROR for problem in problems) else 0)


def _facts(project: Project, box: BoxConfig) -> BoxFacts:
    """The SDKs of engine and database are behind this import; plain files never come here."""
    from cronbox.ops.facts import facts_of_box

    return facts_of_box(project.site, box)


def _selection(config: Config | None, select: str | None, ignore: str | None) -> Selection:
    """What the options say, else the config. Raises UsageError for a code that is no rule's."""
    from cronbox.model.lint import Selection, rule_codes

    section = config.file.lint if config else None
    try:
        selected = rule_codes(select.split(",")) if select is not None else None
        ignored = rule_codes(ignore.split(",")) if ignore is not None else None
    except ValueError as error:
        raise UsageError(f"--select, --ignore: {error}", hint="docs/rules/ lists all rules") from None
    if section is not None:
        selected = rule_codes(section.select) if selected is None else selected
        ignored = rule_codes(section.ignore) if ignored is None else ignored
    return Selection(selected, ignored or frozenset())


def _show_repairs(repairs: Sequence[Repair], stream: TextIO) -> None:
    """Unified diffs: byte for byte into a file or a pipe, harmless on a terminal."""
    from cronbox.model.lint.formats import unified_diff

    for repair in repairs:
        for line in unified_diff(str(repair.path), repair.before, repair.after):
            shown = show.printable(line[:-1]) + "\n" if stream.isatty() else line
            stream.write(shown)


def _write(repairs: Sequence[Repair]) -> None:
    """In place, so that owner, mode and links stay. Raises OSError."""
    for repair in repairs:
        repair.path.write_bytes(repair.after)


def _checked_config(project: Project, form: Format) -> Config:
    """The project's config. What is wrong with it is printed like any other problem."""
    try:
        return project.config
    except ConfigError as error:
        if form != "text":
            _print([_config_problem(problem) for problem in error.problems or (error.message,)], form)
        raise


def _config_problem(message: str) -> Problem:
    """A problem of config.toml, which is named by its key and not by a line."""
    from cronbox.model.lint import Problem, Severity

    return Problem(CONFIG_NAME, 1, 1, "config", Severity.ERROR, message)


def _print(problems: Sequence[Problem], form: Format) -> None:
    match form:
        case "text":
            for problem in problems:
                typer.echo(_problem_text(problem))
        case "json":
            show.as_json([problem.as_json() for problem in problems])
        case "github":
            from cronbox.model.lint.formats import github_lines

            for line in github_lines(problems):
                typer.echo(line)
        case "sarif":
            from cronbox.model.lint.formats import sarif

            show.as_json(sarif(problems, version=__version__))


def _problem_text(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return show.printable(f"{problem}{hint}")


def _summary(problems: Sequence[Problem], files: int) -> str:
    """Such as `2 files: 1 error, 3 warnings`."""
    if not files:
        return "no crontab files to check"
    found = Counter(problem.severity.value for problem in problems)
    counts = ", ".join(show.counted(number, severity) for severity, number in found.items())
    return f"{show.counted(files, 'file')}: {counts or 'nothing to complain about'}"
