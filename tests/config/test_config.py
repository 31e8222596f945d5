"""What config.toml accepts, and how it says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from cronbox.config import load_config
from cronbox.errors import ConfigError, NotFound


def a_config(tmp_path: Path, text: str = "") -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def problems_of(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        load_config(a_config(tmp_path, text))
    return refused.value.problems


def test_an_empty_file_is_a_valid_config(tmp_path: Path) -> None:
    config = load_config(a_config(tmp_path))
    assert config.boxes == {}
    assert config.database_url == f"sqlite:///{tmp_path}/.cronbox/cronbox.db"


def test_a_folder_without_a_section_is_a_box_with_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "crontabs" / "etl").mkdir(parents=True)
    config = load_config(a_config(tmp_path, '[defaults]\ntimeout = "5m"\n'))
    assert config.box("etl").policy.timeout == 300
    assert config.box("etl").section.timezone == "UTC"


def test_a_section_without_a_folder_is_a_box_without_jobs(tmp_path: Path) -> None:
    config = load_config(a_config(tmp_path, "[boxes.later]\n"))
    assert config.box("later").crontabs == tmp_path / "crontabs" / "later"


def test_the_job_keys_of_a_box_go_over_the_defaults(tmp_path: Path) -> None:
    text = '[defaults]\ntimeout = "5m"\noverlap = "allow"\n[boxes.etl]\ntimeout = "1h"\n'
    policy = load_config(a_config(tmp_path, text)).box("etl").policy
    assert (policy.timeout, policy.overlap.value) == (3600, "allow")


def test_all_problems_are_told_at_once_each_with_its_path(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        """
[cronbox]
colour = "red"
[defaults]
timeout = "soon"
[boxes.etl]
memory = "lots"
timezone = "Europe/Atlantis"
cpus = "two"
scripts = "nowhere"
surprise = 1
[boxes."Big Box"]
""",
    )
    told = "\n".join(found)
    for path in (
        "cronbox.colour: unknown key",
        "defaults.timeout:",
        "boxes.etl.memory:",
        "boxes.etl.timezone:",
        "boxes.etl.cpus:",
        "boxes.etl.surprise: unknown key",
        "boxes.Big Box",
    ):
        assert path in told


def test_a_file_that_is_named_and_not_there_is_a_problem(tmp_path: Path) -> None:
    found = problems_of(tmp_path, '[boxes.etl]\nscripts = "nowhere"\npip = "requirements.txt"\n')
    assert found == (
        f"boxes.etl.pip: no file {tmp_path}/requirements.txt",
        f"boxes.etl.scripts: no folder {tmp_path}/nowhere",
    )


@pytest.mark.parametrize("package", ["curl; rm -rf /", "$(id)", "-o=x", "a b", "Upper"])
def test_nothing_but_a_package_name_gets_into_apt(tmp_path: Path, package: str) -> None:
    [problem] = problems_of(tmp_path, f"[boxes.etl]\napt = [{package!r}]\n")
    assert problem.startswith("boxes.etl.apt.0:")


def test_text_that_is_not_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 1"):
        load_config(a_config(tmp_path, "[boxes\n"))


def test_env_goes_over_env_file(tmp_path: Path) -> None:
    (tmp_path / "etl.env").write_text("# comment\nA=1\nB='quoted'\n\n")
    config = load_config(a_config(tmp_path, '[boxes.etl]\nenv_file = "etl.env"\nenv = { A = "2" }\n'))
    assert config.box("etl").env == (("A", "2"), ("B", "'quoted'"))


def test_an_env_file_with_a_bad_line_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "etl.env").write_text("GOOD=1\nexport BAD=1\n")
    [problem] = problems_of(tmp_path, '[boxes.etl]\nenv_file = "etl.env"\n')
    assert problem.startswith("boxes.etl.env_file:") and "etl.env:2:" in problem


def test_a_secret_names_its_source_and_who_gets_it(tmp_path: Path) -> None:
    text = """
[boxes.etl.secrets]
A = { file = "secrets/a" }
B = { env = "B", variable = true }
C = { command = ["pass", "show", "c"], jobs = ["load"] }
"""
    secrets = load_config(a_config(tmp_path, text)).box("etl").section.secrets
    assert [secret.source for secret in secrets.values()] == ["file", "env", "command"]
    assert (secrets["B"].variable, secrets["C"].jobs) == (True, ["load"])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A = {}", "boxes.etl.secrets.A: needs one of `file`, `env` and `command`"),
        ('A = { file = "a", env = "B" }', "boxes.etl.secrets.A: needs one of"),
        ('A = { file = "a", mode = 1 }', "boxes.etl.secrets.A.mode: unknown key"),
        ('A = { command = "pass show a" }', "boxes.etl.secrets.A.command:"),
        ('A = { env = "A", jobs = [] }', "boxes.etl.secrets.A.jobs:"),
        ('A = { env = "A", jobs = ["../b"] }', "boxes.etl.secrets.A.jobs.0:"),
        ('"A-B" = { env = "A" }', "boxes.etl.secrets.A-B: a secret is named like a variable"),
        ('PATH = { env = "A" }', "boxes.etl.secrets.PATH: cronbox sets this variable itself"),
        ('CRONBOX_X = { env = "A" }', "boxes.etl.secrets.CRONBOX_X: cronbox sets this"),
        ('A = { env = "A" }\nA_FILE = { env = "B" }', "boxes.etl.secrets: `A_FILE` is the variable"),
        ('A = "hunter2"', "boxes.etl.secrets.A:"),
    ],
)
def test_a_secret_that_makes_no_sense_is_refused_with_its_path(
    tmp_path: Path, line: str, problem: str
) -> None:
    [found] = problems_of(tmp_path, f"[boxes.etl.secrets]\n{line}\n")
    assert found.startswith(problem)
    assert "hunter2" not in found


def test_an_unknown_box_names_the_known_ones(tmp_path: Path) -> None:
    config = load_config(a_config(tmp_path, "[boxes.etl]\n"))
    with pytest.raises(NotFound) as error:
        config.box("elt")
    assert "etl" in error.value.hint


def test_the_project_is_named_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Warehouse (old)"
    folder.mkdir()
    assert load_config(a_config(folder)).project == "my-warehouse-old"


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ('why = "w"', "needs either"),
        ('why = "w"\nschedule = "0 2 * * *"', "needs either"),
        ('why = "w"\nschedule = "0 25 * * *"\nlength = "1h"', "schedule:"),
        ('why = "w"\nschedule = "@reboot"\nlength = "1h"', "a window needs times"),
        ('why = "w"\nschedule = "0 2 * * *"\nlength = "8d"', "length"),
        ('why = "w"\nstart = 2026-01-02T00:00:00Z\nend = 2026-01-01T00:00:00Z', "must come after"),
        ('why = "w"\nstart = 2026-01-01T00:00:00\nend = 2026-01-02T00:00:00', "timezone"),
        ('why = "w"\njobs = ["nobody"]\nschedule = "0 2 * * *"\nlength = "1h"', "no box 'nobody'"),
        ('schedule = "0 2 * * *"\nlength = "1h"', "why"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, window: str, told: str
) -> None:
    (tmp_path / "config.toml").write_text(f"[[maintenance]]\n{window}\n")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "config.toml")
    assert any(p.startswith("maintenance.0") and told in p for p in refused.value.problems)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("", "notify.0: needs one of `url`, `url_env` and `url_file`"),
        ('url = "json://x"\nurl_env = "X"', "notify.0: needs one of"),
        ('url = "hunter2"', "notify.0.url: an address is written SCHEME://"),
        ('url = "json://x"\nwhen = ["failed", "sometimes"]', "notify.0.when.1:"),
        ('url = "json://x"\nwhen = []', "notify.0.when:"),
        ('url = "json://x"\nafter = 0', "notify.0.after:"),
        ('url = "json://x"\njobs = ["nobox/load"]', "notify.0.jobs: no box 'nobox'"),
        ('url = "json://x"\nquiet = "22-7"', "notify.0: quiet hours are written"),
        ('url = "json://x"\nzone = "Mars"', "notify.0.zone: no time zone"),
        ('url = "json://x"\ndigest = "2d"', "notify.0.digest:"),
        ('url = "json://x"\ndaily_cap = 0', "notify.0.daily_cap:"),
        ('url = "json://x"\nname = "two words"', "notify.0.name:"),
        ('url = "json://x"\ncolour = "red"', "notify.0.colour: unknown key"),
        ('name = "a"\nurl = "json://x"\n[[ping]]\nname = "a"\nurl = "https://x"', "two have the same name"),
        (
            'url = "json://x"\n[daemon]\nping_url = "ftp://x"',
            "daemon.ping_url: an address is written https://",
        ),
        ('url = "json://x"\n[defaults]\nnotify = "ops"', "defaults.notify: no target 'ops'"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(tmp_path: Path, keys: str, problem: str) -> None:
    found = "\n".join(problems_of(tmp_path, f"[[notify]]\n{keys}\n"))
    assert problem in found and "hunter2" not in found


def test_a_target_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    text = '[[notify]]\nurl = "json://x"\n[[notify]]\nname = "ops"\nurl = "json://x"\n[[ping]]\nurl = "https://x"\n'
    assert list(load_config(a_config(tmp_path, text)).file.targets) == ["notify-1", "ops", "ping-1"]
