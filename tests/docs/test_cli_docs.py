"""docs/cli.md lists the commands and options there are, in the program's own words."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from cronbox.cli import app
from cronbox.errors import ConfigError, CronboxError, CrontabRefused, NoEngine, NotFound, UsageError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"


def rows() -> list[str]:
    """The table's rows, made from the program itself."""
    command = typer.main.get_command(app)
    found: list[str] = []
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
        inner = getattr(sub, "commands", None)
        found += [_row(f"{name} {verb}", one) for verb, one in inner.items()] if inner else [_row(name, sub)]
    return found


def _row(name: str, command: object) -> str:
    arguments, options = [], []
    for parameter in command.params:  # type: ignore[attr-defined]
        if parameter.param_type_name == "argument":
            arguments.append(_argument(parameter))
        elif parameter.name != "help":
            options.append(f"`{max(parameter.opts, key=len)}`")
    usage = " ".join(["cronbox", name, *arguments])
    text = command.help.split("\n\n")[0].replace("\n", " ")  # type: ignore[attr-defined]
    return f"| `{usage}` | {' '.join(options)} | {text} |".replace("BOX|", "BOX\\|").replace("JOB|", "JOB\\|")


def _argument(parameter: object) -> str:
    shown = parameter.metavar or parameter.name.upper()  # type: ignore[attr-defined]
    return shown if parameter.required or shown.startswith("[") else f"[{shown}]"  # type: ignore[attr-defined]


def test_the_page_has_a_row_for_every_command_with_its_options() -> None:
    assert "\n".join(rows()) in PAGE.read_text()


def test_no_help_text_has_brackets_that_would_be_taken_for_colours() -> None:
    assert not [row for row in rows() if re.search(r"\[[a-z[]", row.split(" | ")[-1])]


def test_the_page_tells_the_exit_codes_that_errors_have() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.M)}
    errors = (CronboxError, UsageError, ConfigError, CrontabRefused, NoEngine, NotFound)
    assert {error.exit_code for error in errors} <= told


def test_every_command_in_the_readme_exists() -> None:
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    used = re.findall(r"(?:^    |`)cronbox ([a-z]+)", (ROOT / "README.md").read_text(), re.M)
    assert used and set(used) <= names


def test_every_page_that_the_documentation_links_to_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    used = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert used - {"its"} <= targets
