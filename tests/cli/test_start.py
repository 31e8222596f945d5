"""What a command imports, and that none is forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import typer.main

import cronbox.cli
from cronbox.cli import invoke
from cronbox.cli.rooms import ROOMS

HEAVY = {"pydantic", "rich", "structlog", "cron_descriptor", "sqlmodel", "docker", "cronbox.config"}


def imported_by(argv: Sequence[str], folder: Path) -> set[str]:
    """Which of the heavy modules are there when a command line has ended well."""
    program = (
        f"import sys; from cronbox.cli import invoke; invoke({argv!r}); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=folder
    )
    return HEAVY & set(done.stderr.split())


@pytest.fixture
def jobs(empty: Path) -> Path:
    (empty / "jobs").write_text("0 1 * * * root /bin/true\n")
    return empty / "jobs"


@pytest.mark.parametrize(
    "argv",
    [
        ["check", "jobs"],
        ["check", "jobs", "--select", "CB1", "--users", "etl", "--format", "sarif"],
        ["next", "jobs", "--json", "--from", "2026-03-02", "--until", "2026-03-03"],
    ],
)
def test_plain_files_are_looked_at_without_anything_heavy(jobs: Path, argv: list[str]) -> None:
    assert imported_by(argv, jobs.parent) == set()


def test_a_project_nearby_costs_nothing_where_it_has_no_say(jobs: Path) -> None:
    (jobs.parent / "config.toml").write_text('[lint]\nignore = ["CB113"]\n')
    jobs.write_text("0 1 * * * nobody-knows /bin/true\n")
    assert imported_by(["check", "jobs"], jobs.parent) == set()
    assert invoke(["check", "jobs"]) == 0


def test_an_unreadable_lint_section_is_refused_also_where_the_rest_has_no_say(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (jobs.parent / "config.toml").write_text("[lint]\nignore = 4\n")
    assert invoke(["check", "jobs"]) == 2
    assert "lint.ignore: " in capsys.readouterr().err


def test_every_command_of_every_module_is_in_the_table_of_rooms() -> None:
    made = {}
    for module in iter_modules(cronbox.cli.__path__):
        app = getattr(import_module(f"cronbox.cli.{module.name}"), "app", None)
        if isinstance(app, typer.Typer):
            made[module.name] = " ".join(typer.main.get_group(app).commands)
    assert made == ROOMS


def test_a_command_that_is_mistyped_is_guessed(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["chek"]) == 2
    assert "Did you mean 'check'?" in capsys.readouterr().err


def test_completion_knows_commands_forms_and_options(empty: Path) -> None:
    def completed(words: str) -> list[str]:
        told = {"_CRONBOX_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": words, "PATH": "/usr/bin:/bin"}
        program = [sys.executable, "-c", "from cronbox.cli import main; main()"]
        done = subprocess.run(program, check=False, capture_output=True, text=True, env=told, cwd=empty)
        return [line.split('"')[1] for line in done.stdout.splitlines() if '":"' in line or '"' in line]

    assert "check" in completed("cronbox che")
    assert "sarif" in completed("cronbox check --format s")
    assert "--user-crontab" in completed("cronbox check --us")
