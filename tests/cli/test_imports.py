"""`cronbox import`: all of a project or nothing, told in full, and good for `cronbox check`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cronbox.cli import invoke

CASES = Path(__file__).parents[1] / "model" / "importing" / "cases"
CRONTAB = "*/5 * * * * echo a\n61 * * * * b\n"
NAMES = {"crontab": "crontab", "cron.d": "jobs", "supercronic": "jobs", "kubernetes": "manifest.yaml"}


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("case", sorted(folder.name for folder in CASES.iterdir()))
def test_what_is_written_passes_check(case: str, empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = empty / NAMES.get(case, "source")
    source.write_bytes((CASES / case / "source").read_bytes())
    assert invoke(["import", str(source), "--into", "new"]) == 0
    assert invoke(["-C", "new", "check"]) == 0, capsys.readouterr().out


def test_each_finding_says_where_what_and_what_to_do(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "mine").write_text(CRONTAB)
    assert invoke(["import", "mine", "--into", "new"]) == 0
    told = capsys.readouterr()
    assert (
        "mine:2: not-imported: cron refuses this line: minute: 61 is outside 0-59\n    put it right"
        in told.out
    )
    assert "read mine as crontab" in told.err
    assert written(empty / "new") == ["config.toml", "crontabs/mine/mine"]


def test_json_has_the_files_and_the_findings(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "mine").write_text(CRONTAB)
    assert invoke(["import", "mine", "--user", "www-data", "--box", "web", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in answer["files"]] == ["config.toml", "crontabs/web/mine"]
    assert (answer["jobs"], answer["written"]) == (1, True)
    assert answer["sources"] == [{"file": "mine", "format": "crontab"}]
    assert answer["findings"][0].keys() == {"file", "line", "key", "kind", "what", "todo"}
    assert "www-data echo a" in (empty / "crontabs/web/mine").read_text()


def test_a_dry_run_shows_all_and_writes_nothing(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "mine").write_text(CRONTAB)
    assert invoke(["import", "mine", "--into", "new", "--dry-run"]) == 0
    assert "==> new/crontabs/mine/mine\n*/5 * * * * root echo a\n" in capsys.readouterr().out
    assert written(empty) == ["mine"]


def test_a_crontab_can_be_piped_in(
    empty: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CRONTAB.encode())))
    assert invoke(["import", "-", "--into", "new"]) == 0
    assert written(empty / "new") == ["config.toml", "crontabs/jobs/stdin"]


def test_a_folder_of_cron_d_files_is_one_box(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = empty / "etc" / "cron.d"
    folder.mkdir(parents=True)
    (folder / "a").write_text("0 1 * * * root x\n")
    (folder / "b").write_text("0 2 * * * deploy /srv/x\n")
    (folder / "c.dpkg-old").write_text("0 3 * * * root x\n")
    (folder / ".placeholder").write_text("# nothing\n")
    assert invoke(["import", "etc/cron.d", "--into", "new"]) == 0
    assert written(empty / "new") == ["config.toml", "crontabs/cron-d/a", "crontabs/cron-d/b"]
    assert "c.dpkg-old: not-imported: cron does not read a file of this name" in capsys.readouterr().out


def test_nothing_that_is_there_is_touched(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "mine").write_text(CRONTAB)
    (empty / "crontabs/mine").mkdir(parents=True)
    (empty / "crontabs/mine/mine").write_text("# mine\n")
    assert invoke(["import", "mine"]) == 1
    assert "crontabs/mine/mine already; nothing was written" in capsys.readouterr().err
    assert written(empty) == ["crontabs/mine/mine", "mine"]
    assert (empty / "crontabs/mine/mine").read_text() == "# mine\n"


def test_what_cannot_be_finished_is_taken_back(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "mine").write_text(CRONTAB)
    (empty / "new").mkdir()
    (empty / "new/crontabs").write_text("a file where a folder should be\n")
    assert invoke(["import", "mine", "--into", "new"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert written(empty / "new") == ["crontabs"]


def test_secrets_are_for_their_owner_and_not_for_the_terminal(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "o.ini").write_bytes((CASES / "ofelia-ini" / "source").read_bytes())
    invoke(["import", "o.ini", "--into", "new", "--dry-run", "--json"])
    assert "qux" not in capsys.readouterr().out
    assert invoke(["import", "o.ini", "--into", "new"]) == 0
    assert (empty / "new/debian.env").stat().st_mode & 0o777 == 0o600
    assert (empty / "new/debian.env").read_text() == "API_TOKEN=qux\n"


@pytest.mark.parametrize(
    ("text", "format", "message"),
    [
        ("hello\n", None, "x: no telling what this is"),
        ("", None, "no jobs found"),
        ("a: [\n", "kubernetes", "x:2: this is not YAML"),
        ("a: b\n", "kubernetes", "there is no CronJob in it"),
        ("a = b\n", "ofelia", "x: this is neither a Compose file nor"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_in_one_line(
    text: str, format: str | None, message: str, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "x").write_text(text)
    assert invoke(["import", "x", "--into", "new", *(["--from", format] if format else [])]) == 1
    assert message in capsys.readouterr().err
    assert not (empty / "new").exists()


def test_a_source_without_one_good_entry_ends_with_1(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "x").write_text("61 * * * * b\n")
    assert invoke(["import", "x", "--from", "crontab", "--into", "new"]) == 1
    assert "#   61 * * * * b" in (empty / "new/crontabs/x/x").read_text()


def test_wrong_names_and_missing_sources_are_told(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["import", "nowhere"]) == 4
    assert invoke(["import", "x", "--user", "Bob:staff"]) == 2
    assert invoke(["import", "x", "--box", "../x"]) == 2


def test_other_commands_load_nothing_of_it(empty: Path) -> None:
    program = (
        "import sys; from cronbox.cli import invoke; invoke(['check', 'x']); "
        "heavy = {'yaml', 'cronbox.model.importing', 'cronbox.ops.imports'} & sys.modules.keys(); "
        "sys.exit(sorted(heavy) or 0)"
    )
    (empty / "x").write_text("* * * * * root x\n")
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=empty
    )
    assert done.returncode == 0, done.stderr
