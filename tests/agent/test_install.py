from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cronbox.agent.install import NotInstalled, install, installed, read_bundle
from cronbox.agent.paths import Paths
from tests.agent.builders import a_bundle, an_entry

pytestmark = pytest.mark.slow


def put(paths: Paths, bundle: dict[str, Any]) -> bool:
    return install(paths, read_bundle(json.dumps(bundle).encode()))


def test_it_installs_the_crontab_so_that_cron_accepts_it(paths: Paths) -> None:
    bundle = a_bundle(an_entry())
    assert put(paths, bundle)
    crontab = Path(paths.crontab)
    found = crontab.stat()
    assert crontab.read_text() == bundle["crontab"]
    assert (found.st_mode & 0o7777, found.st_uid, found.st_nlink) == (0o644, 0, 1)
    assert Path(paths.table).stat().st_mode & 0o7777 == 0o600


def test_what_is_installed_can_be_asked_for(paths: Paths) -> None:
    bundle = a_bundle(an_entry())
    put(paths, bundle)
    assert installed(paths) == ("d1", bundle["crontab"], True, None)


def test_installing_the_same_again_touches_nothing(paths: Paths) -> None:
    put(paths, a_bundle(an_entry()))
    before = os.stat(paths.crontab), os.stat(paths.table), os.stat(paths.crontab_dir)  # noqa: PTH116
    assert not put(paths, a_bundle(an_entry()))
    assert before == (os.stat(paths.crontab), os.stat(paths.table), os.stat(paths.crontab_dir))  # noqa: PTH116


def test_a_new_file_has_another_mtime_second_than_the_old_and_the_folder_a_later_one(paths: Paths) -> None:
    put(paths, a_bundle(an_entry()))
    seconds = []
    for digest in ("d2", "d3", "d4"):
        put(paths, a_bundle(an_entry(), digest=digest))
        seconds.append(int(Path(paths.crontab).stat().st_mtime))
        assert int(Path(paths.crontab_dir).stat().st_mtime) >= seconds[-1]
    assert len(set(seconds)) == 3


def test_no_draft_is_left_behind(paths: Paths) -> None:
    put(paths, a_bundle(an_entry()))
    assert os.listdir(paths.crontab_dir) == ["cronbox"]  # noqa: PTH208


def _edit(paths: Paths) -> None:
    with Path(paths.crontab).open("a") as file:
        file.write("# by hand\n")


def _open_to_all(paths: Paths) -> None:
    Path(paths.crontab).chmod(0o666)


def _give_away(paths: Paths) -> None:
    os.chown(paths.crontab, 1234, 0)


def _link(paths: Paths) -> None:
    os.link(paths.crontab, f"{paths.root}/second")


def _edit_table(paths: Paths) -> None:
    table = json.loads(Path(paths.table).read_text())
    table["jobs"][0]["command"] = "something else"
    Path(paths.table).write_text(json.dumps(table))


def _remove(paths: Paths) -> None:
    Path(paths.crontab).unlink()


@pytest.mark.parametrize("tamper", [_edit, _open_to_all, _give_away, _link, _edit_table, _remove])
def test_what_somebody_changed_is_seen_and_put_right_by_the_next_install(paths: Paths, tamper: Any) -> None:
    put(paths, a_bundle(an_entry()))
    tamper(paths)
    seen = installed(paths)
    assert not seen.intact and seen.reason
    assert put(paths, a_bundle(an_entry()))
    assert installed(paths).intact


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps({**a_bundle(), "digest": "other"}).encode(),
        json.dumps({**a_bundle(), "crontab": None}).encode(),
        json.dumps(a_bundle({"name": "no command"})).encode(),
    ],
)
def test_what_is_not_a_whole_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(NotInstalled, match="not a bundle"):
        read_bundle(raw)


def test_a_failed_install_leaves_the_crontab_as_it_was(paths: Paths) -> None:
    put(paths, a_bundle(an_entry()))
    Path(f"{paths.table}.new").mkdir()
    with pytest.raises(NotInstalled):
        put(paths, a_bundle(an_entry(), digest="d2"))
    assert "d1" in Path(paths.crontab).read_text()
