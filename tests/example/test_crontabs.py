"""The example's crontabs, and those that `cronbox init` writes, are what we tell others to write."""

from __future__ import annotations

import importlib.resources
import re
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cronbox.cli import invoke
from cronbox.config import Config, load_config
from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.directives import parse_directives
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import lint_box
from tests.example.box import ROOT, SCRIPTS

TEMPLATES = Path(str(importlib.resources.files("cronbox"))) / "templates"
FILES = [*sorted((ROOT / "crontabs" / "etl").iterdir()), TEMPLATES / "crontabs" / "hello" / "jobs"]
USERS = frozenset({"root", "etl", "app"})


def parsed(path: Path) -> Crontab:
    return parse_crontab(path.read_bytes(), file=path.name)


def example_jobs() -> dict[str, Job]:
    files = [parsed(path) for path in FILES[:-1]]
    return {job.name: job for job in jobs_of(files, box="etl", defaults=Policy())}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_cron_would_load_the_file(path: Path) -> None:
    assert parsed(path).cron_error(USERS) is None


def test_check_has_nothing_to_complain_about_in_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["-C", str(ROOT), "check"]) == 0
    assert capsys.readouterr().err.endswith("files: nothing to complain about\n")


@pytest.mark.parametrize("box", [FILES[:-1], FILES[-1:]], ids=["etl", "hello"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_the_linter_finds_nothing_in_any_zone(box: list[Path], zone: str) -> None:
    assert not list(lint_box([parsed(path) for path in box], known_users=USERS, zone=ZoneInfo(zone)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_entry_has_a_name_and_a_description_and_no_mistake(path: Path) -> None:
    entries = list(parsed(path).entries)
    assert entries
    for entry in entries:
        directives = parse_directives(entry.directives)
        assert directives.mistakes == ()
        assert {"name", "description"} <= directives.settings.keys()


def test_the_box_has_two_files_and_all_their_jobs() -> None:
    assert list(example_jobs()) == [
        "check-warehouse",
        "backup-warehouse",
        "sweep-reports",
        "disk-usage",
        "send-to-partner",
        "extract-orders",
        "load-orders",
        "daily-report",
        "top-countries",
        "orders-by-status",
        "large-orders",
        "reconcile-ledger",
    ]


def test_every_script_that_a_job_names_is_there() -> None:
    named = {name for job in example_jobs().values() for name in re.findall(r"/scripts/(\S+)", job.command)}
    assert len(named) == 6
    assert [name for name in named if not (SCRIPTS / name).is_file()] == []


def test_only_etl_touches_the_warehouse() -> None:
    assert {job.user for job in example_jobs().values() if "/scripts/" in job.command} == {"etl"}


def test_no_environment_line_hopes_to_be_expanded() -> None:
    for job in example_jobs().values():
        assert not [value for _, value in job.env if "$" in value or "~" in value]


def test_the_percent_signs_mean_what_the_comments_say() -> None:
    jobs = example_jobs()
    assert jobs["top-countries"].command.startswith("date '+as of %F %H:%M' && tail ")
    assert jobs["top-countries"].stdin is None
    assert jobs["orders-by-status"].command == "python3 /scripts/query.py"
    assert jobs["orders-by-status"].stdin == (
        "SELECT status, count(*)\n  FROM orders\nGROUP BY status\nORDER BY status\n"
    )


@pytest.fixture
def started(tmp_path: Path) -> Config:
    """The config of a project as `cronbox init` leaves it."""
    shutil.copytree(TEMPLATES, tmp_path / "new")
    return load_config(tmp_path / "new" / "config.toml")


def test_a_new_project_has_a_valid_config_and_one_box(started: Config) -> None:
    assert list(started.boxes) == ["hello"]
    hello = started.box("hello")
    assert hello.policy.timeout == 3600
    assert (hello.path(str(hello.section.scripts)) / "hello.sh").is_file()
    assert hello.crontabs.is_dir()


def test_a_new_project_s_jobs_run_as_the_user_that_its_box_makes(started: Config) -> None:
    jobs = jobs_of([parsed(FILES[-1])], box="hello", defaults=Policy())
    assert [job.name for job in jobs] == ["greet", "disk-space"]
    assert {job.user for job in jobs} == set(started.box("hello").section.users)
