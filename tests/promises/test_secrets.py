"""A secret is in the job that needs it, and in nothing that anybody could look at."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("secrets")]

VALUE = "correct-horse-battery-staple"
TOKEN = "tok-0123456789abcdef"
CONFIG = """
[boxes.etl]
users = ["etl", "other"]
read_only = {read_only}
[boxes.etl.secrets]
PG_PASSWORD = {{ file = "pg", variable = true }}
TOKEN = {{ command = ["cat", "token"], jobs = ["limited"] }}
"""
CRONTAB = r"""
# cronbox: name=show
0 0 1 1 * etl echo "$PG_PASSWORD"; cat "$PG_PASSWORD_FILE"; echo; env >&2
# cronbox: name=length
0 0 1 1 * etl wc -c <"$PG_PASSWORD_FILE"
# cronbox: name=facts
0 0 1 1 * etl stat -c '\%A \%U \%G' "$CRONBOX_SECRETS" "$PG_PASSWORD_FILE"; ls "$CRONBOX_SECRETS"; id -un
# cronbox: name=thief
0 0 1 1 * other cat /run/secrets/$(id -u etl).$(id -g etl)/PG_PASSWORD; ls /run/secrets; ls /var/lib/cronbox
# cronbox: name=limited
0 0 1 1 * etl ls "$CRONBOX_SECRETS"; wc -c <"$TOKEN_FILE"
# cronbox: name=roots
0 0 1 1 * root wc -c <"$PG_PASSWORD_FILE"
# cronbox: name=flood
0 0 1 1 * etl for i in $(seq 20000); do echo "$i $PG_PASSWORD $i"; done
"""


@pytest.fixture(scope="module", params=["true", "false"], ids=["read-only", "writable"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One box for all tests of this file, without a daemon."""
    root: Path = tmp_path_factory.mktemp("secrets")
    project = Project(root, f"test-{root.name.replace('_', '-')}-{id(root) % 9973}")
    put(project, VALUE)
    (root / "token").write_text(TOKEN)
    project.configure(CONFIG.format(read_only=request.param))
    project.crontab("etl/jobs", CRONTAB)
    try:
        project.cli("up")
        yield project
    finally:
        project.clean()


def put(project: Project, value: str) -> None:
    (project.root / "pg").write_text(f"{value}\n")


def printed(project: Project, job: str) -> list[str]:
    """What the job's next run prints, as its log has it."""
    before = len(ends(project, job))
    project.fire("etl", job)
    end = wait_until(lambda: ends(project, job)[before:])[0]
    batches = [e["lines"] for e in project.log("etl") if e["type"] == "output" and e["run"] == end["run"]]
    return [line[2] for lines in batches for line in lines]


def ends(project: Project, job: str) -> list[Any]:
    return [e for e in project.log("etl") if e["type"] == "finished" and e["job"] == job]


def test_a_job_has_its_secret_and_its_log_has_not(box: Project) -> None:
    lines = printed(box, "show")
    assert lines.count("***") == 2
    assert "PG_PASSWORD=***" in lines
    assert printed(box, "length") == [str(len(VALUE))]


def test_files_are_readable_by_the_jobs_user_only(box: Project) -> None:
    assert printed(box, "facts") == ["drwxr-x--- root etl", "-r-------- etl etl", "PG_PASSWORD", "etl"]
    lines = printed(box, "thief")
    assert len([line for line in lines if "Permission denied" in line]) == 3
    assert len(lines) == 3


def test_a_secret_for_one_job_is_in_that_jobs_folder(box: Project) -> None:
    assert printed(box, "limited") == ["PG_PASSWORD", "TOKEN", str(len(TOKEN))]


def test_roots_own_jobs_have_theirs(box: Project) -> None:
    assert printed(box, "roots") == [str(len(VALUE))]


def test_what_jobs_see_lies_in_memory(box: Project) -> None:
    mounts = box.inside("etl", "cat", "/proc/mounts").splitlines()
    [options] = [line.split() for line in mounts if line.split()[1] == "/run/secrets"]
    assert options[2] == "tmpfs"
    assert {"nosuid", "nodev", "noexec"} <= set(options[3].split(","))


def test_no_value_is_where_anybody_looks(box: Project) -> None:
    """In `docker inspect`, the image, its history, the log's volume, `docker logs`, the store, the page."""
    printed(box, "show")
    printed(box, "flood")
    box.cli("runs")
    container = box.box("etl")
    image = container.image
    looks = {
        "inspect": json.dumps(container.attrs) + docker("inspect", f"{box.name}-etl-secrets"),
        "image": json.dumps(image.attrs) + json.dumps(image.history()),
        "docker logs": container.logs().decode(),
        "log volume": box.inside("etl", "sh", "-c", "cat /log/*"),
        "status": box.inside("etl", "cat", "/run/cronbox/status.json"),
        "table": box.inside("etl", "cat", "/etc/cronbox/table.json"),
        "commands": box.cli("logs", "etl").stdout + box.cli("runs", "--json").stdout + box.cli("ps").stdout,
        "project": "".join(
            file.read_bytes().decode(errors="replace")
            for file in box.root.rglob("*")
            if file.is_file() and file.name not in ("pg", "token")
        ),
    }
    assert "***" in looks["log volume"] and "***" in looks["docker logs"]
    assert [place for place, text in looks.items() if VALUE in text or TOKEN in text] == []


def test_an_image_of_the_container_and_its_export_hold_no_value(box: Project) -> None:
    printed(box, "show")
    tag = f"{box.name}-committed"
    docker("commit", f"{box.name}-etl", tag)
    try:
        for source in (["docker", "save", tag], ["docker", "export", f"{box.name}-etl"]):
            found = subprocess.run(source, capture_output=True, check=True).stdout
            assert len(found) > 1_000_000
            assert VALUE.encode() not in found and TOKEN.encode() not in found
    finally:
        docker("rmi", tag)


def test_a_changed_secret_reaches_the_next_run_in_the_same_container(box: Project) -> None:
    before = box.box("etl").id
    put(box, VALUE + "-changed")
    box.cli("sync")
    assert printed(box, "length") == [str(len(VALUE) + 8)]
    put(box, VALUE)
    box.cli("sync")
    assert printed(box, "length") == [str(len(VALUE))]
    assert box.box("etl").id == before


def test_secrets_outlive_a_restart_of_the_box_while_nobody_watches(box: Project) -> None:
    box.box("etl").restart()
    wait_until(lambda: "trigger" in box.inside("etl", "ls", "/run/cronbox"))
    assert printed(box, "length") == [str(len(VALUE))]


def test_a_source_that_is_gone_is_told_and_jobs_go_on(box: Project) -> None:
    (box.root / "pg").unlink()
    told = box.cli("sync", ok=False)
    assert told.returncode == 1
    assert "boxes.etl.secrets.PG_PASSWORD.file: no file" in told.stderr
    assert printed(box, "length") == [str(len(VALUE))]
    put(box, VALUE)
    box.cli("sync")


def test_the_daemon_hands_a_changed_file_over_within_seconds(box: Project) -> None:
    with box.daemon():
        for changed in (VALUE + "!", VALUE):
            (box.root / "draft").write_text(changed)
            (box.root / "draft").rename(box.root / "pg")
            wait_until(lambda changed=changed: printed(box, "length") == [str(len(changed))], within=20)


def docker(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, check=True, text=True).stdout


def test_down_with_volumes_leaves_nothing(project: Project) -> None:
    project.configure('[boxes.etl.secrets]\nA = { command = ["echo", "hunter2"] }\n')
    project.crontab("etl/jobs", "0 0 1 1 * root true\n")
    project.cli("up")
    assert f"{project.name}-etl-secrets" in docker("volume", "ls")
    project.cli("down", "--volumes")
    assert project.name not in docker("volume", "ls")


def test_without_a_section_any_more_the_box_keeps_nothing(project: Project) -> None:
    project.configure('[boxes.etl.secrets]\nA = { command = ["echo", "hunter2"] }\n')
    project.crontab("etl/jobs", "0 0 1 1 * root true\n")
    project.cli("up")
    assert project.inside("etl", "ls", "/var/lib/cronbox") == "secrets.json\n"
    project.configure("")
    project.cli("sync")
    wait_until(lambda: project.inside("etl", "ls", "/var/lib/cronbox") == "")
