"""What a job may use, the argv that sees to it, and how a run's end names the limit behind it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from cronbox.agent.endings import End, judged
from cronbox.agent.limits import limited
from cronbox.agent.oom import Memory
from cronbox.agent.table import Limits
from tests.agent.builders import Box, a_job, an_entry

COMMAND = (b"/bin/sh", b"-c", b"true")


def test_a_job_without_limits_costs_no_program_more() -> None:
    assert limited(COMMAND, Limits()) is COMMAND


def test_each_limit_is_an_argument_of_a_program_before_the_command() -> None:
    limits = Limits(nice=5, ionice="best-effort:7", memory=1 << 20, cpu_time=10, processes=50)
    assert b" ".join(limited(COMMAND, limits)).decode() == (
        "/usr/bin/nice -n 5 /usr/bin/ionice -c best-effort -n 7 "
        "/usr/bin/prlimit --data=1048576 --cpu=10:15 --nproc=50 /bin/sh -c true"
    )


def test_the_idle_class_has_no_level() -> None:
    assert limited(COMMAND, Limits(ionice="idle"))[:3] == (b"/usr/bin/ionice", b"-c", b"idle")


def test_a_niceness_of_zero_needs_no_program() -> None:
    assert limited(COMMAND, Limits(nice=0)) is COMMAND


def test_a_program_that_the_image_lacks_is_named() -> None:
    with pytest.raises(FileNotFoundError) as error:
        limited((b"/bin/none", b"-c", b"true"), Limits(cpu_time=1))
    assert (error.value.filename, error.value.strerror) == ("/bin/none", "No such file or directory")


def no_shortage() -> None:
    return None


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (End(None, signal.SIGXCPU, 10.0), "used up its cpu-time of 10 s"),
        (End(128 + signal.SIGXCPU, None, 10.0), "used up its cpu-time of 10 s"),
        (End(None, signal.SIGKILL, 15.0), "used up its cpu-time of 10 s"),
        (End(None, signal.SIGKILL, 1.0), "ended by SIGKILL"),
        (End(None, signal.SIGTERM, 1.0), "ended by SIGTERM"),
        (End(137, None, 1.0), "exit code 137"),
        (End(2, None, 1.0), "exit code 2"),
    ],
)
def test_a_run_that_failed_says_which_limit_was_behind_it(end: End, reason: str) -> None:
    job = a_job(limits=Limits(cpu_time=10))
    assert judged(job, end, no_shortage) == ("failed", reason)


def test_without_a_limit_of_its_own_a_job_that_gets_sigxcpu_has_just_got_a_signal() -> None:
    assert judged(a_job(), End(None, signal.SIGXCPU, 1.0), no_shortage) == ("failed", "ended by SIGXCPU")


@pytest.mark.parametrize("end", [End(None, signal.SIGKILL, 1.0), End(137, None, 1.0)])
def test_a_run_that_was_killed_while_memory_ran_out_says_so(end: End) -> None:
    assert judged(a_job(), end, lambda: "out of memory") == ("failed", "out of memory")


def test_a_run_that_ended_by_itself_has_not_run_out_of_memory() -> None:
    assert judged(a_job(), End(1, None, 1.0), lambda: "out of memory") == ("failed", "exit code 1")


def test_a_code_that_the_job_calls_ok_is_success_whatever_it_means() -> None:
    job = a_job(ok_codes=frozenset({137}))
    assert judged(job, End(137, None, 1.0), lambda: "out of memory") == ("succeeded", None)


def a_cgroup(folder: Path, version: int, *, kills: int, limit: str) -> str:
    """The files that a box sees of its cgroup."""
    (folder / "memory").mkdir(exist_ok=True)
    if version == 2:
        (folder / "memory.events").write_text(f"low 0\nhigh 0\nmax 9\noom 1\noom_kill {kills}\n")
        (folder / "memory.max").write_text(f"{limit}\n")
    else:
        (folder / "memory/memory.oom_control").write_text(
            f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n"
        )
        (folder / "memory/memory.limit_in_bytes").write_text(f"{limit}\n")
    return str(folder)


@pytest.mark.parametrize("version", [1, 2])
def test_memory_has_run_out_if_the_kernel_has_killed_for_it_since(tmp_path: Path, version: int) -> None:
    memory = Memory(a_cgroup(tmp_path, version, kills=3, limit="536870912"))
    before = memory.kills()
    assert memory.shortage(before) is None
    a_cgroup(tmp_path, version, kills=4, limit="536870912")
    assert memory.shortage(before) == "the box ran out of memory (limit 512 MiB)"


@pytest.mark.parametrize(("version", "limit"), [(1, "9223372036854771712"), (2, "max")])
def test_where_the_box_has_no_limit_it_was_the_hosts_memory(tmp_path: Path, version: int, limit: str) -> None:
    memory = Memory(a_cgroup(tmp_path, version, kills=1, limit=limit))
    assert memory.shortage(0) == "the host ran out of memory"


def test_without_a_cgroup_memory_never_runs_out(tmp_path: Path) -> None:
    assert Memory(str(tmp_path)).shortage(0) is None


def run_to_its_end(box: Box, command: str, **limits: Any) -> tuple[dict[str, Any], list[str]]:
    """The fields of `finished`, and what it printed."""
    box.install(an_entry("load", command, user="games", **limits))
    box.start()
    box.say("load")
    end = box.finished("load")
    return end, [text for _, text in box.printed(end["run"])]


@pytest.mark.slow
def test_a_job_has_the_niceness_and_the_class_that_it_is_given(box: Box) -> None:
    end, lines = run_to_its_end(box, "nice; ionice", nice=7, ionice="best-effort:6")
    assert (end["status"], lines) == ("succeeded", ["7", "best-effort: prio 6"])


@pytest.mark.slow
def test_a_job_that_needs_more_memory_than_it_may_have_gets_none(box: Box) -> None:
    code = "python3 -c 'bytearray(10**6); print(1, flush=True); bytearray(10**9)'"
    end, lines = run_to_its_end(box, code, memory_limit=200_000_000)
    assert (end["status"], end["exit_code"], lines[0], lines[-1]) == ("failed", 1, "1", "MemoryError")


@pytest.mark.slow
def test_address_space_that_is_only_reserved_is_not_memory(box: Box) -> None:
    code = "import mmap; mmap.mmap(-1, 10**10, prot=mmap.PROT_READ); print(1)"
    end, lines = run_to_its_end(box, f"python3 -c '{code}'", memory_limit=200_000_000)
    assert (end["status"], lines) == ("succeeded", ["1"])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["exec {loop}", "{loop}; exit $?"])
def test_a_job_that_uses_up_its_cpu_time_says_so(box: Box, command: str) -> None:
    end, _ = run_to_its_end(box, command.format(loop="python3 -c 'while True: pass'"), cpu_time=1)
    assert (end["status"], end["reason"]) == ("failed", "used up its cpu-time of 1 s")


@pytest.mark.slow
def test_a_job_cannot_have_more_processes_than_it_may(box: Box) -> None:
    code = "import os, time\nfor _ in range(60): os.fork() or (time.sleep(1), os._exit(0))"
    end, lines = run_to_its_end(box, f'python3 -c "{code}"', max_processes=30)
    assert end["status"] == "failed"
    assert "BlockingIOError: [Errno 11] Resource temporarily unavailable" in lines


@pytest.mark.slow
def test_a_shell_that_does_not_exist_is_told_the_same_under_limits(box: Box) -> None:
    end, _ = run_to_its_end(box, "true", nice=5, env=[["SHELL", "/bin/none"]])
    assert (end["status"], end["reason"]) == ("failed", "/bin/none: No such file or directory")
