"""The documented keys of config.toml are the keys there are, and the shipped file is valid and complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cronbox.config import (
    BoxSection,
    CronboxSection,
    DaemonSection,
    LintSection,
    MaintenanceSection,
    NotifySection,
    PingSection,
    RetentionSection,
    SecretSection,
    Section,
    WebSection,
    load_config,
)
from cronbox.model.settings import KEYS, OF_ONE_JOB

ROOT = Path(__file__).parents[2]
SECTIONS: dict[str, type[Section]] = {
    "## `[cronbox]`": CronboxSection,
    "## `[boxes.<box>]`": BoxSection,
    "## `[boxes.<box>.secrets]`": SecretSection,
    "## `[lint]`": LintSection,
    "## `[[maintenance]]`": MaintenanceSection,
    "## `[[notify]]`": NotifySection,
    "## `[[ping]]`": PingSection,
    "## `[daemon]`": DaemonSection,
    "## `[web]`": WebSection,
    "## `[retention]`": RetentionSection,
}


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_lists_every_key_of_a_section_and_no_other(heading: str) -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    text = page.split(heading + "\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(SECTIONS[heading].model_fields)


def test_the_shipped_config_is_valid() -> None:
    assert "etl" in load_config(ROOT / "config.toml").boxes


def test_the_shipped_config_shows_every_key() -> None:
    """A key stands as it is or, where it has no sensible value for everybody, as a comment."""
    text = (ROOT / "config.toml").read_text()
    shown = set(re.findall(r"^(?:# )?(\w+) = ", text, re.M))
    wanted = {key for section in SECTIONS.values() for key in section.model_fields}
    job_keys = {key.replace("-", "_") for key in KEYS.keys() - OF_ONE_JOB}
    assert wanted | job_keys <= shown


def test_what_is_commented_out_in_the_shipped_config_is_toml() -> None:
    for line in re.findall(r"^# (\w+ = .+)$", (ROOT / "config.toml").read_text(), re.M):
        assert tomllib.loads(line)
