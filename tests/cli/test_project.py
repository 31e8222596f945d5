from __future__ import annotations

from pathlib import Path

import pytest

from cronbox.cli import invoke
from tests.cli.desk import Desk


def test_init_writes_an_example_that_has_no_errors(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["init", "new/place"]) == 0
    assert (empty / "new/place/config.toml").is_file()
    assert "cd new/place" in capsys.readouterr().out
    assert invoke(["-C", "new/place", "check"]) == 0


def test_init_never_overwrites(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty / "config.toml").write_text("# mine\n")
    assert invoke(["init"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert [path.name for path in empty.iterdir()] == ["config.toml"]


def test_doctor_finds_a_good_project_well(desk: Desk) -> None:
    desk.engine.now = desk.now
    desk.up()
    answer = desk("doctor", "--json")
    assert answer.code == 0
    assert answer.json["ok"] is True
    checks = {(check["box"], check["check"]): check["level"] for check in answer.json["checks"]}
    assert checks.pop((None, "daemon")) == "warn"
    assert set(checks.values()) == {"ok"}
    assert {check for _, check in checks} == {
        *("engine", "clock", "disk", "store", "image", "box", "agent", "fifo", "log", "installed", "crond"),
        *("tick", "lag", "wanted", "mounts"),
    }


def test_doctor_without_an_engine_still_looks_at_the_rest(desk: Desk) -> None:
    desk.engine.go_away()
    answer = desk("doctor")
    assert answer.code == 1
    assert answer.out.startswith("fail  engine:")
    assert "ok    store:" in answer.out


def test_doctor_says_what_to_do_about_a_dead_box_and_a_bad_crontab(desk: Desk) -> None:
    desk.up()
    desk.engine.crash(desk.box.seen.container, oom=True)
    desk.crontab("etl/orders", "61 * * * * root x\n")
    answer = desk("doctor")
    assert answer.code == 1
    assert (
        "fail  etl: box: exited with exit code 137, it ran out of memory\n      `cronbox up etl`"
        in answer.out
    )
    assert "fail  etl: crontab: crontabs/etl/orders:1:1" in answer.out


def test_doctor_warns_of_a_clock_that_is_off(desk: Desk) -> None:
    answer = desk("doctor", "--json")
    clock = next(check for check in answer.json["checks"] if check["check"] == "clock")
    assert clock["level"] == "warn"
    assert "behind ours" in clock["message"]


def test_doctor_survives_a_broken_database(desk: Desk) -> None:
    desk.up()
    desk.leave()
    (desk.root / "cronbox.db").write_bytes(b"this is no database" * 1000)
    answer = desk("doctor")
    assert answer.code == 1
    assert "fail  store:" in answer.out
