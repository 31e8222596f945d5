"""`cronbox doctor`: each link of the chain broken once, and the archive for a bug report."""

from __future__ import annotations

import json
import socket
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cronbox.engine import AGENT, ExecResult
from tests.cli.desk import Desk
from tests.project import CRONBOX


def findings(desk: Desk) -> dict[tuple[str | None, str], dict[str, Any]]:
    """(box, check) -> the finding."""
    desk.engine.now = desk.now
    return {(found["box"], found["check"]): found for found in desk("doctor", "--json").json["checks"]}


@pytest.mark.parametrize(
    ("inside", "check", "level", "words"),
    [
        ({"fifo": "has no reader"}, "fifo", "fail", "has no reader, so no job can start"),
        ({"log": "No space left on device"}, "log", "fail", "cannot be written: No space left on device"),
        ({"log_used": 97}, "log", "fail", "97% full"),
        ({"mounts": {"/scripts": "was deleted on the host"}}, "mounts", "fail", "/scripts was deleted"),
    ],
)
def test_what_is_broken_inside_a_box_is_a_finding_with_advice(
    desk: Desk, inside: dict[str, Any], check: str, level: str, words: str
) -> None:
    desk.up()
    desk.agent.inside = inside
    found = findings(desk)["etl", check]
    assert found["level"] == level and words in found["message"] and found["hint"]


def test_a_box_whose_clock_is_off_is_warned_of(desk: Desk) -> None:
    desk.up()
    desk.agent.inside = {"now": (desk.now + timedelta(seconds=90)).timestamp()}
    found = findings(desk)["etl", "clock"]
    assert (found["level"], found["message"]) == ("warn", "90.0 s from ours")


def test_an_agent_that_cannot_write_its_log_is_a_failure(desk: Desk) -> None:
    desk.up()
    said = json.dumps({"log_failure": "[Errno 28] No space left on device"}).encode()
    desk.engine.script([*AGENT, "status"], ExecResult(0, said, b""))
    assert "No space left" in findings(desk)["etl", "agent"]["message"]


def test_a_secret_that_the_box_does_not_hold_is_a_failure(desk: Desk) -> None:
    (desk.root / "pg").write_text("hunter2")
    desk.configure('[boxes.etl.secrets]\nPG = { file = "pg" }\n')
    desk.up()
    assert findings(desk)["etl", "delivered"]["level"] == "ok"
    desk.agent.secrets.clear()
    assert findings(desk)["etl", "delivered"]["message"] == "without PG"


def test_a_container_that_is_not_as_the_config_wants_it_is_warned_of(desk: Desk) -> None:
    desk.up()
    assert findings(desk)["etl", "wanted"]["level"] == "ok"
    desk.configure('[boxes.etl]\nmemory = "64m"\n')
    found = findings(desk)["etl", "wanted"]
    assert found["level"] == "warn" and "`cronbox up etl`" in found["hint"]


PLANTED = {
    "box env": "planted-env-value",
    "env file": "planted-env-file",
    "secret": "planted-secret-value",
    "crontab variable": "planted-crontab-var",
    "commented variable": "planted-comment-var",
    "password before a command": "planted-inline-pw",
    "password as an option": "planted-option-pw",
    "password in a URL": "planted-url-pw",
    "bearer": "planted-bearer",
    "run env": "planted-run-env",
    "run argument": "planted-run-arg",
    "daemon log": "planted-log-token",
    "printed": "planted-printed-line",
    "result": "planted-result",
    "address to notify": "planted-notify-key",
    "address to ping": "planted-ping-key",
    "address of the daemon's own ping": "planted-daemon-key",
}
CRONTAB = f"""\
MYVAR={PLANTED["crontab variable"]}
# OLDVAR={PLANTED["commented variable"]}
# cronbox: name=load
*/15 * * * * root PGPASSWORD={PLANTED["password before a command"]} load
0 2 * * * root load --token {PLANTED["password as an option"]}
0 1 * * * root curl -H "Authorization: Bearer {PLANTED["bearer"]}" x
0 3 * * * root load ftp://me:{PLANTED["password in a URL"]}@host/
"""


@pytest.fixture
def planted(desk: Desk) -> Desk:
    """A project with a secret wherever one can stand."""
    (desk.root / "secret").write_text(PLANTED["secret"] + "\n")
    (desk.root / "etl.env").write_text(f"FROM_FILE={PLANTED['env file']}\n")
    desk.configure(
        f'[boxes.etl]\nenv = {{ PLAIN = "{PLANTED["box env"]}" }}\nenv_file = "etl.env"\n'
        f'[boxes.etl.secrets]\nPG = {{ file = "secret" }}\n'
        f'[[notify]]\nurl = "ntfy://{PLANTED["address to notify"]}"\n'
        f'[[ping]]\nurl = "https://watch.example/{PLANTED["address to ping"]}"\n'
        f"""[daemon]\nping_url = "https://watch.example/{PLANTED["address of the daemon's own ping"]}"\n"""
    )
    desk.up()
    desk.crontab("etl/orders", CRONTAB)
    desk("sync")
    said = [PLANTED["printed"], PLANTED["secret"]]
    desk.agent.prints["load"] = [[0.0, "out", line] for line in said]
    desk.agent.ends["load"] = {"exit_code": 0, "result": {"api_token": PLANTED["result"]}}
    env = f"DAY={PLANTED['run env']}"
    assert desk("run", "etl/load", "--env", env, "--", PLANTED["run argument"]).code == 0
    state = desk.root / ".cronbox"
    state.mkdir(exist_ok=True)
    log = f"token={PLANTED['daemon log']} and {PLANTED['secret']}"
    (state / "daemon.log").write_text(f"{log} https://x:{PLANTED['password in a URL']}@h\n")
    return desk


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        content = {entry.name: archive.extractfile(entry) for entry in archive}
        return {name.partition("/")[2]: text.read().decode() for name, text in content.items() if text}


def test_no_secret_of_the_project_is_in_the_bundle(planted: Desk) -> None:
    planted("doctor", "--bundle", "bundle.tar.gz")
    files = unpacked(planted.root / "bundle.tar.gz")
    for where, value in PLANTED.items():
        assert not [name for name, text in files.items() if value in text], where


def test_the_bundle_tells_how_the_project_is_set_up_and_how_it_is(planted: Desk) -> None:
    answer = planted("doctor", "--bundle", "bundle.tar.gz")
    assert "wrote bundle.tar.gz with 11 files" in answer.err
    files = unpacked(planted.root / "bundle.tar.gz")
    wanted = ["versions", "config", "findings", "ps", "jobs", "runs", "incidents", "agents", "inspect"]
    assert set(files) == {*(f"{name}.json" for name in wanted), "crontabs/etl/orders", "log/daemon.log"}
    assert json.loads(files["config.json"])["config"]["boxes"]["etl"]["env"] == {"PLAIN": "***"}
    assert "\nMYVAR=***\n" in f"\n{files['crontabs/etl/orders']}" and "*/15" in files["crontabs/etl/orders"]
    (run,) = json.loads(files["runs.json"])
    assert (run["job"], run["status"], run["env"]) == ("load", "succeeded", {"DAY": "***"})
    assert json.loads(files["ps.json"])[0]["box"] == "etl"
    assert json.loads(files["versions.json"])["schema"]
    assert (planted.root / "bundle.tar.gz").stat().st_mode & 0o777 == 0o600


def test_output_is_in_the_bundle_only_when_asked_for_and_known_secrets_not_even_then(planted: Desk) -> None:
    planted("doctor", "--bundle", "bundle.tar.gz", "--with-output")
    (output,) = (text for name, text in unpacked(planted.root / "bundle.tar.gz").items() if "output/" in name)
    assert output == f"{PLANTED['printed']}\n***\n"


def test_without_an_engine_the_bundle_has_the_rest(planted: Desk) -> None:
    planted.engine.go_away()
    assert planted("doctor", "--bundle", "bundle.tar.gz").code == 1
    files = unpacked(planted.root / "bundle.tar.gz")
    assert "not_to_be_had" in files["inspect.json"]
    assert json.loads(files["runs.json"]) and json.loads(files["jobs.json"])


def test_output_without_a_bundle_is_wrong_use(desk: Desk) -> None:
    assert desk("doctor", "--with-output").code == 2


@pytest.mark.slow
def test_an_engine_that_hangs_does_not_hang_the_doctor(empty: Path) -> None:
    """Somebody listens at the socket, and never says a word."""
    (empty / "config.toml").write_text(f'[cronbox]\ndocker_url = "unix://{empty}/engine.sock"\n')
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(empty / "engine.sock"))
        silent.listen()
        done = subprocess.run(
            [*CRONBOX, "doctor", "--json", "--bundle", "b.tar.gz"],
            cwd=empty,
            capture_output=True,
            timeout=170,
            check=False,
        )
    assert done.returncode == 1
    levels = {found["check"]: found["level"] for found in json.loads(done.stdout)["checks"]}
    assert levels == {"engine": "fail", "disk": "ok", "store": "ok", "daemon": "warn"}
    assert "not_to_be_had" in unpacked(empty / "b.tar.gz")["ps.json"]
