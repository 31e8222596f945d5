"""Who gets which secret in a box, as what, and when."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cronbox.agent.accounts import Account
from cronbox.agent.paths import Paths
from cronbox.agent.secrets import BadSecrets, Grant, NotDelivered, Vault, keep
from tests.agent.builders import Box, an_entry

ROOT = Account("root", 0, 0, (0,), "/root")
ETL = Account("etl", 1234, 1235, (1235,), "/home/etl")
PG = Grant("PG_PASSWORD")
TOKEN = Grant("TOKEN", variable=True, jobs=frozenset({"load"}))

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="gives files away, so it must be root")


@pytest.fixture
def vault(paths: Paths) -> Vault:
    return Vault(paths)


def give(paths: Paths, *old_ones: str, **values: str) -> bool:
    return keep(paths, json.dumps({"values": values, "keep": old_ones}).encode())


def value_in(env: dict[bytes, bytes], name: str) -> str:
    return Path(os.fsdecode(env[f"{name}_FILE".encode()])).read_text()


def names_in(env: dict[bytes, bytes]) -> set[str]:
    return {file.name for file in Path(os.fsdecode(env[b"CRONBOX_SECRETS"])).iterdir()}


def facts(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return stat.filemode(found.st_mode), found.st_uid, found.st_gid


def test_a_job_gets_a_file_that_its_user_alone_can_read(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2\n")
    vault.grant((PG,))
    env = vault.environment("load", ETL)
    assert env.keys() == {b"CRONBOX_SECRETS", b"PG_PASSWORD_FILE"}
    assert value_in(env, "PG_PASSWORD") == "hunter2\n"
    folder = Path(os.fsdecode(env[b"CRONBOX_SECRETS"]))
    assert facts(folder) == ("drwxr-x---", 0, ETL.gid)
    assert facts(folder / "PG_PASSWORD") == ("-r--------", ETL.uid, ETL.gid)
    assert facts(folder.parent) == ("drwx--x--x", 0, 0)


def test_what_is_kept_is_for_root_alone(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    assert facts(Path(paths.secrets)) == ("-rw-------", 0, 0)
    assert facts(Path(paths.secrets).parent) == ("drwx------", 0, 0)


def test_a_secret_for_some_jobs_is_in_their_own_folder_only(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2", TOKEN="abcdef")
    vault.grant((PG, TOKEN))
    load, report = vault.environment("load", ETL), vault.environment("report", ETL)
    assert load[b"TOKEN"] == b"abcdef"
    assert b"TOKEN_FILE" not in report and b"TOKEN" not in report
    assert names_in(load) == {"PG_PASSWORD", "TOKEN"}
    assert names_in(report) == {"PG_PASSWORD"}


def test_each_user_has_a_folder_and_jobs_of_one_user_share_it(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    vault.grant((PG,))
    folders = [
        vault.environment(job, user)[b"CRONBOX_SECRETS"]
        for job, user in (("load", ETL), ("report", ETL), ("load", ROOT))
    ]
    assert folders[0] == folders[1] != folders[2]


def test_files_are_written_when_they_change_and_not_at_each_start(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    vault.grant((PG,))
    file = Path(os.fsdecode(vault.environment("load", ETL)[b"PG_PASSWORD_FILE"]))
    first = file.stat().st_mtime_ns
    vault.environment("load", ETL)
    assert not give(paths, PG_PASSWORD="hunter2")
    vault.environment("load", ETL)
    assert file.stat().st_mtime_ns == first
    assert give(paths, PG_PASSWORD="hunter3")
    assert value_in(vault.environment("load", ETL), "PG_PASSWORD") == "hunter3"


def test_a_job_whose_secret_has_not_come_does_not_start(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    vault.grant((PG, TOKEN))
    with pytest.raises(NotDelivered, match="TOKEN"):
        vault.environment("load", ETL)
    assert vault.environment("report", ETL)


def test_an_old_value_goes_on_where_it_is_to_be_kept(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2", TOKEN="abcdef")
    assert give(paths, "PG_PASSWORD", "NEVER_CAME", TOKEN="ghijkl")
    assert json.loads(Path(paths.secrets).read_text()) == {"PG_PASSWORD": "hunter2", "TOKEN": "ghijkl"}


def test_what_is_granted_no_more_goes_also_from_folders_in_use(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2", OTHER="abcdef")
    vault.grant((PG, Grant("OTHER")))
    folder = Path(os.fsdecode(vault.environment("load", ETL)[b"CRONBOX_SECRETS"]))
    vault.grant((PG,))
    assert [file.name for file in folder.iterdir()] == ["PG_PASSWORD"]


def test_a_box_that_has_no_secrets_any_more_keeps_none(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    vault.grant((PG,))
    folder = Path(os.fsdecode(vault.environment("load", ETL)[b"CRONBOX_SECRETS"]))
    vault.grant(())
    assert not Path(paths.secrets).exists()
    assert list(folder.iterdir()) == []
    assert vault.environment("load", ETL) == {}


def test_a_folder_that_could_not_be_filled_is_filled_at_the_next_start(paths: Paths, vault: Vault) -> None:
    give(paths, PG_PASSWORD="hunter2")
    vault.grant((PG,))
    folder = Path(os.fsdecode(vault.environment("load", ETL)[b"CRONBOX_SECRETS"]))
    (folder / "in-the-way").mkdir()
    give(paths, PG_PASSWORD="hunter3")
    with pytest.raises(OSError):
        vault.environment("load", ETL)
    (folder / "in-the-way").rmdir()
    assert value_in(vault.environment("load", ETL), "PG_PASSWORD") == "hunter3"


def test_a_broken_file_is_replaced_by_what_comes_next(paths: Paths, vault: Vault) -> None:
    Path(paths.secrets).write_bytes(b'{"PG_PASS')
    vault.grant((PG,))
    with pytest.raises(NotDelivered):
        vault.environment("load", ETL)
    give(paths, PG_PASSWORD="hunter2")
    assert value_in(vault.environment("load", ETL), "PG_PASSWORD") == "hunter2"


def test_bytes_that_are_no_text_arrive(paths: Paths, vault: Vault) -> None:
    give(paths, TOKEN=b"\x00\xff\n".decode("utf-8", "surrogateescape"))
    vault.grant((Grant("TOKEN"),))
    assert Path(os.fsdecode(vault.environment("load", ETL)[b"TOKEN_FILE"])).read_bytes() == b"\x00\xff\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"hunter2",
        b'"hunter2"',
        b"{}",
        b'{"values": ["hunter2"], "keep": []}',
        b'{"values": {"A": 1}, "keep": []}',
        b'{"values": {"A": "hunter2"}, "keep": null}',
    ],
)
def test_what_is_no_set_of_secrets_is_refused_without_quoting_it(
    paths: Paths, vault: Vault, raw: Any
) -> None:
    with pytest.raises(BadSecrets) as refused:
        keep(paths, raw)
    assert str(refused.value) == "not a set of secrets"


# In a whole agent

GRANTED = [{"name": "PG_PASSWORD", "variable": True, "jobs": None}]


def handed(box: Box, **values: str) -> bool:
    done = box.call("secrets", stdin=json.dumps({"values": values, "keep": []}).encode())
    assert done.returncode == 0, done.stderr
    return bool(json.loads(done.stdout)["changed"])


@pytest.mark.slow
def test_a_changed_secret_reaches_the_next_run_of_a_living_agent(box: Box) -> None:
    box.install(an_entry("load", 'wc -c <"$PG_PASSWORD_FILE"; echo ${#PG_PASSWORD}'), secrets=GRANTED)
    box.start()
    for length in (12, 20):
        assert handed(box, PG_PASSWORD="x" * length)
        runs = len(box.events("finished"))
        box.say("load")
        box.wait(lambda runs=runs: len(box.events("finished")) > runs)
        assert [text for _, text in box.printed(box.finished("load")["run"])] == [str(length)] * 2
    assert not handed(box, PG_PASSWORD="x" * 20)


@pytest.mark.slow
def test_no_value_is_in_the_log_or_on_the_console_whatever_a_job_prints(box: Box) -> None:
    box.install(an_entry("load", 'echo "it is $PG_PASSWORD."; env >&2'), secrets=GRANTED)
    handed(box, PG_PASSWORD="hunter2hunter2")
    box.start()
    box.say("load")
    assert ("out", "it is ***.") in box.printed(box.finished("load")["run"])
    box.end()
    files = [file for file in Path(box.paths.root).rglob("*") if file.is_file()]
    holding = {str(file) for file in files if b"hunter2" in file.read_bytes()}
    assert holding == {box.paths.secrets, f"{box.paths.secrets_dir}/0.0/PG_PASSWORD"}
    assert b"hunter2" not in box.console.read_bytes()


@pytest.mark.slow
def test_what_a_job_says_about_itself_holds_no_value(box: Box) -> None:
    command = 'printf "user=etl:$PG_PASSWORD\n$PG_PASSWORD=1\nrows=3\n" >"$CRONBOX_RESULT"'
    box.install(an_entry("load", command), secrets=GRANTED)
    handed(box, PG_PASSWORD="hunter2hunter2")
    box.start()
    box.say("load")
    assert box.finished("load")["result"] == {"user": "etl:***", "rows": "3"}


@pytest.mark.slow
def test_what_came_before_the_first_table_is_kept_for_it(box: Box) -> None:
    """A new container has no table yet when its secrets come."""
    handed(box, PG_PASSWORD="hunter2")
    box.start()
    box.install(an_entry("load", "wc -c <$PG_PASSWORD_FILE"), secrets=GRANTED)
    box.say("load")
    assert box.printed(box.finished("load")["run"]) == [("out", "7")]


@pytest.mark.slow
def test_a_run_without_its_secret_has_failed_with_the_reason(box: Box) -> None:
    box.install(an_entry("load"), secrets=GRANTED)
    box.start()
    box.say("load")
    end = box.finished("load")
    assert end["status"] == "failed"
    assert end["reason"] == "no value in this box for the secret PG_PASSWORD; `cronbox ps` tells why"


@pytest.mark.slow
def test_the_crontabs_own_lines_go_over_secrets(box: Box) -> None:
    box.install(an_entry("load", "echo $PG_PASSWORD", env=[["PG_PASSWORD", "mine"]]), secrets=GRANTED)
    handed(box, PG_PASSWORD="hunter2")
    box.start()
    box.say("load")
    assert box.printed(box.finished("load")["run"]) == [("out", "mine")]
