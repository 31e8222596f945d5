from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from cronbox.agent.history import History, Pause
from cronbox.agent.log import Log
from cronbox.agent.segments import finished_segments
from cronbox.agent.state import State, load_state, save_state


def a_log(folder: Path, *, segment: int = 1_000_000, total: int = 10_000_000) -> Log:
    return Log(str(folder), segment=segment, total=total)


def fill(log: Log, count: int, text: str = "x") -> None:
    for _ in range(count):
        log.append("cron_message", {"text": text})
        log.flush()


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def seqs(folder: Path) -> list[int]:
    paths = [*sorted(folder.glob("cron-*.log")), folder / "cron.log"]
    return [event["seq"] for path in paths for event in events(path)]


def test_events_are_numbered_from_one_without_a_gap(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 5)
    assert seqs(tmp_path) == [1, 2, 3, 4, 5]


def test_every_event_has_seq_first_then_its_time_in_utc_and_its_type(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 1)
    (event,) = events(tmp_path / "cron.log")
    assert list(event)[:3] == ["seq", "t", "type"]
    assert event["t"].endswith("Z") and len(event["t"]) == len("2026-11-23T21:00:00.004123Z")


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 3)
    fill(a_log(tmp_path), 2)
    assert seqs(tmp_path) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("torn", [b'{"seq":4,"t":"20', b"\0" * 5000, b"{\n", b'{"seq":4'])
def test_what_a_power_cut_left_at_the_end_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    fill(a_log(tmp_path), 3)
    with (tmp_path / "cron.log").open("ab") as file:
        file.write(torn)
    fill(a_log(tmp_path), 1)
    assert seqs(tmp_path) == [1, 2, 3, 4]


def test_a_full_segment_is_named_by_its_first_event(tmp_path: Path) -> None:
    fill(a_log(tmp_path, segment=300), 10)
    for path in tmp_path.glob("cron-*.log"):
        assert path.name == f"cron-{events(path)[0]['seq']:016d}.log"
        assert path.stat().st_size <= 300
    assert seqs(tmp_path) == list(range(1, 11))


def test_numbers_go_on_after_a_restart_right_after_a_rotation(tmp_path: Path) -> None:
    fill(a_log(tmp_path, segment=300), 10)
    (tmp_path / "cron.log").unlink()
    last = seqs_of_finished(tmp_path)[-1]
    log = a_log(tmp_path)
    assert log.seq == last


def seqs_of_finished(folder: Path) -> list[int]:
    return [event["seq"] for path in sorted(folder.glob("cron-*.log")) for event in events(path)]


def test_a_crash_between_the_two_renames_of_a_rotation_loses_nothing(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 4)
    (tmp_path / "cron.log").rename(tmp_path / f"cron-{1:016d}.log")
    (tmp_path / "cron.next").touch()
    fill(a_log(tmp_path), 1)
    assert seqs(tmp_path) == [1, 2, 3, 4, 5]
    assert not (tmp_path / "cron.next").exists()


def test_the_oldest_segments_go_when_the_whole_is_too_large(tmp_path: Path) -> None:
    fill(a_log(tmp_path, segment=300, total=1200), 100)
    assert sum(path.stat().st_size for path in tmp_path.glob("cron*.log")) <= 1200
    kept = seqs(tmp_path)
    assert kept == list(range(kept[0], 101))
    assert kept[0] > 1


def test_bytes_that_are_not_utf8_are_escaped_as_surrogates(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 1, b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert b"caf\\udce9" in (tmp_path / "cron.log").read_bytes()


def test_a_full_disk_corrupts_nothing_and_is_told_once_there_is_room(tmp_path: Path) -> None:
    """The file size limit stands for the disk: it too lets half a line through and then refuses."""
    log = a_log(tmp_path)
    fill(log, 2)
    size = (tmp_path / "cron.log").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, limits[1]))
        log.append("cron_message", {"text": "does not fit"})
        log.flush()
        assert log.failure
        log.append("cron_message", {"text": "neither"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    while log.failure:
        log.flush()
    log.flush()
    assert [event["type"] for event in events(tmp_path / "cron.log")] == [
        *["cron_message"] * 4,
        "log_resumed",
    ]
    assert seqs(tmp_path) == [1, 2, 3, 4, 5]


def test_output_is_held_back_while_too_much_waits_to_be_written(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    log.append("output", {"lines": "x" * 2_000_000})
    assert log.stalled
    log.flush()
    assert not log.stalled


def test_pauses_and_the_logs_id_outlive_the_agent(tmp_path: Path) -> None:
    fill(a_log(tmp_path), 1)
    history = History()
    history.pauses["load"] = Pause(12.5, "upgrade", "ann")
    save_state(str(tmp_path / "state.json"), State("cafe", history), 1)
    found = load_state(str(tmp_path / "state.json"), str(tmp_path))
    assert (found.log_id, found.history.pauses) == ("cafe", history.pauses)


def test_a_log_that_was_removed_gets_a_new_id(tmp_path: Path) -> None:
    save_state(str(tmp_path / "state.json"), State("cafe", History()), 0)
    assert load_state(str(tmp_path / "state.json"), str(tmp_path)).log_id != "cafe"


def test_a_lost_state_file_does_not_change_the_logs_id(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    log.append("boot", {"log_id": "cafe", "boot_id": "b1"})
    log.flush()
    (tmp_path / "state.json").write_text("{")
    assert load_state(str(tmp_path / "state.json"), str(tmp_path)).log_id == "cafe"


def test_other_files_in_the_folder_are_no_segments(tmp_path: Path) -> None:
    for name in ("cron-1.log", "cron-00000000000000xx.log", "state.json", f"cron-{7:016d}.log"):
        (tmp_path / name).touch()
    assert [os.path.basename(s.path) for s in finished_segments(str(tmp_path))] == [f"cron-{7:016d}.log"]  # noqa: PTH119
