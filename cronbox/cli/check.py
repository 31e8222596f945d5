"""The command `check`: what the linter says, in the form that the reader wants, and its safe fixes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TextIO, get_args

import typer

from cronbox import __version__
from cronbox.cli import show
from cronbox.cli.args import Json, UserCrontab, crontab_format, parse_zone, path_of
from cronbox.cli.context import project_of
from cronbox.cli.fail import note
from cronbox.errors import ConfigError, UsageError
from cronbox.locate import CONFIG_NAME

if TYPE_CHECKING:
    from cronbox.cli.context import Project
    from cronbox.config import BoxConfig, Config
    from cronbox.model.lint import BoxFacts, Problem, Selection
    from cronbox.ops.repair import Repair

app = typer.Typer()
PANEL = "Jobs"
Format = Literal["text", "json", "github", "sarif"]
FORMATS: tuple[Format, ...] = get_args(Format)


@app.command(rich_help_panel=PANEL)
def check(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Crontab files, folders of them; - for what is piped in."),
    ] = None,
    user_crontab: UserCrontab = False,
    output: Annotated[
        str,
        typer.Option(
            "--format", metavar="F", help="text, json, github or sarif.", autocompletion=lambda: [*FORMATS]
        ),
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
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="The time zone of files that are no box's.")
    ] = None,
) -> None:
    """Check config.toml and crontabs; ends with 1 if there is an error."""
    from cronbox.model.lint import Severity
    from cronbox.ops.check import Checker, groups_of
    from cronbox.ops.check import check as problems_of

    form = "json" if json else _form(output)
    project = project_of(ctx)
    files = [path_of(path) for path in paths or ()]
    config = project.config_for(files) if files else _checked_config(project, form)
    selection = _selection(project.selection(config), select, ignore)
    groups = groups_of(config, files, format=crontab_format(user_crontab))
    more = frozenset(filter(None, users.split(",")))
    checker = Checker(lambda box: _facts(project, box), more, parse_zone(zone), selection)
    if fix or diff:
        from cronbox.ops.repair import repair

        repairs = repair(groups, checker)
        if fix and not diff:
            _write(repairs.files)
        _show_repairs(repairs.files, sys.stdout if form == "text" else sys.stderr)
        problems = repairs.after if fix and not diff else repairs.before
    else:
        problems = tuple(problems_of(groups, checker))
    if not (diff and form == "text"):
        _print(problems, form)
    if form == "text":
        note(_summary(problems, sum(len(group.files) for group in groups)))
    raise typer.Exit(1 if any(problem.severity is Severity.ERROR for problem in problems) else 0)


def _form(word: str) -> Format:
    """Raises UsageError."""
    for form in FORMATS:
        if word == form:
            return form
    raise UsageError(f"--format: no form {word!r}", hint=f"choose one of {', '.join(FORMATS)}")


def _facts(project: Project, box: BoxConfig) -> BoxFacts:
    """The SDKs of engine and database are behind this import; plain files never come here."""
    from cronbox.ops.facts import facts_of_box

    return facts_of_box(project.site, box)


def _selection(configured: Selection, select: str | None, ignore: str | None) -> Selection:
    """What the options say goes over the config. Raises UsageError for a code that is no rule's."""
    from cronbox.model.lint import Selection, rule_codes

    try:
        return Selection(
            configured.select if select is None else rule_codes(select.split(",")),
            configured.ignore if ignore is None else rule_codes(ignore.split(",")),
        )
    except ValueError as error:
        raise UsageError(f"--select, --ignore: {error}", hint="docs/rules/ lists all rules") from None


def _show_repairs(repairs: Sequence[Repair], stream: TextIO) -> None:
    """Unified diffs: byte for byte into a file or a pipe, harmless on a terminal."""
    from cronbox.model.lint.formats import unified_diff

    for repair in repairs:
        for line in unified_diff(str(repair.path), repair.before, repair.after):
            shown = show.printable(line[:-1]) + "\n" if stream.isatty() else line
            stream.write(shown)


def _write(repairs: Sequence[Repair]) -> None:
    """In place, so that owner, mode and links stay. Raises UsageError, OSError."""
    for repair in repairs:
        if not repair.path.is_file():
            raise UsageError(f"--fix cannot write to {repair.path}", hint="--diff shows what it would do")
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
