"""What only a real Docker Engine can show."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cronbox.errors import EngineError
from cronbox.model.box import Mount
from tests.engine.conftest import ROOT, Workshop
from tests.project import wait_until

pytestmark = pytest.mark.engine

WAIT_FOR_EOF = "import sys; open('/log/here', 'w'); sys.stdin.read(); open('/log/gone', 'w')"


def client(script: str, *args: str, **options: object) -> subprocess.Popen[bytes]:
    """Another process that uses the engine."""
    head = "import sys; from cronbox.engine.docker import DockerEngine; engine = DockerEngine.connect(None)\n"
    argv = [sys.executable, "-c", head + script, *args]
    return subprocess.Popen(argv, cwd=ROOT, **options)  # type: ignore[call-overload,no-any-return]


def exists(workshop: Workshop, container: str, path: str) -> bool:
    return workshop.engine.exec(container, ["test", "-e", path]).exit_code == 0


def test_megabytes_go_in_and_out_of_a_command_at_the_same_time(real: Workshop) -> None:
    payload = os.urandom(8_000_000)
    done = real.engine.exec(real.running(), ["cat"], stdin=payload)
    assert done.stdout == payload


def test_a_command_that_does_not_read_its_stdin_ends_all_the_same(real: Workshop) -> None:
    assert real.engine.exec(real.running(), ["true"], stdin=b"x" * 4_000_000).exit_code == 0


def test_stdout_and_stderr_of_a_command_stay_apart(real: Workshop) -> None:
    done = real.engine.exec(real.running(), ["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_a_command_runs_as_the_user_that_is_asked_for(real: Workshop) -> None:
    assert real.engine.exec(real.running(), ["id", "-un"], user="nobody").stdout == b"nobody\n"


def test_a_command_that_does_not_exist_ends_like_in_a_shell(real: Workshop) -> None:
    assert real.engine.exec(real.running(), ["no-such-command"]).exit_code in (126, 127)


def test_leaving_a_stream_ends_the_process_in_the_box(real: Workshop) -> None:
    container = real.running()
    with real.engine.stream(container, ["python3", "-c", WAIT_FOR_EOF]):
        wait_until(lambda: exists(real, container, "/log/here"))
        assert not exists(real, container, "/log/gone")
    wait_until(lambda: exists(real, container, "/log/gone"))


def test_killing_the_client_ends_the_process_in_the_box(real: Workshop) -> None:
    container = real.running()
    reader = client(
        "list(engine.stream(sys.argv[1], ['python3', '-c', sys.argv[2]]))", container, WAIT_FOR_EOF
    )
    wait_until(lambda: exists(real, container, "/log/here"))
    assert not exists(real, container, "/log/gone")
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    wait_until(lambda: exists(real, container, "/log/gone"))


def test_a_streamed_command_that_fails_says_why(real: Workshop) -> None:
    stream = real.engine.stream(real.running(), ["sh", "-c", "echo some; echo the reason >&2; exit 4"])
    with stream, pytest.raises(EngineError) as failure:
        list(stream)
    assert failure.value.problems == ("the reason",)


def test_a_box_that_is_killed_dies_with_137_in_events_and_in_its_state(real: Workshop) -> None:
    container = real.running()
    with real.engine.events(real.project) as events:
        subprocess.run(["docker", "kill", container], check=True, capture_output=True)
        event = next(events)
    assert (event.action, event.exit_code) == ("die", 137)
    (seen,) = real.engine.boxes(real.project)
    assert (seen.state, seen.exit_code, seen.oom_killed) == ("exited", 137, False)


def test_a_box_out_of_memory_shows_it(real: Workshop) -> None:
    container = real.running(memory=32 << 20)
    with real.engine.events(real.project) as events:
        assert real.engine.exec(container, ["python3", "-c", "bytearray(1 << 28)"]).exit_code == 137
        assert next(events).action == "oom"


def test_segments_are_read_oldest_first_and_the_active_log_after_them_behind_all_other_files(
    real: Workshop,
) -> None:
    container = real.running()
    files = ["cron.log", "state.json", "cron-0000000000000010.log", "cron-0000000000000002.log"]
    real.engine.exec(container, ["sh", "-c", 'for f; do printf "$f" >"/log/$f"; done', "sh", *files])
    real.engine.stop(container, timeout=10)
    read = list(real.engine.read_log(container))
    assert [name for name, _ in read] == [files[1], files[3], files[2], files[0]]
    assert all(name.encode() == content for name, content in read)


def test_a_box_gets_its_mounts_environment_zone_name_and_rights(real: Workshop, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("print('here')\n")
    scripts = Mount(str(tmp_path), "/scripts", read_only=True)
    container = real.running(mounts=(scripts,), env=(("PGHOST", "db"),), cpus=0.5, memory=64 << 20)
    script = "python3 /scripts/job.py; echo $PGHOST $TZ $(hostname) $(date +%Z); touch /scripts/x"
    done = real.engine.exec(container, ["sh", "-c", script + "; grep -E 'CapBnd|NoNewPrivs' /proc/1/status"])
    assert (
        done.stdout.decode().split()
        == (
            # CHOWN, KILL, SETGID, SETUID are bits 0, 5, 6 and 7.
            ["here", "db", "Europe/Berlin", "etl", "CET", "CapBnd:", f"{0b11100001:016x}", "NoNewPrivs:", "1"]
        )
        or "CEST" in done.stdout.decode()
    )
    assert b"Read-only file system" in done.stderr


def test_modes_of_the_volumes_keep_the_log_private_and_data_open(real: Workshop) -> None:
    folders = ["/log", "/data", "/etc/cronbox", "/etc/cron.d", "/var/lib/cronbox", "/run/secrets"]
    modes = real.engine.exec(real.running(), ["stat", "-c", "%a %U", *folders])
    assert modes.stdout.decode().splitlines() == [
        *("700 root", "1777 root", "700 root", "755 root"),
        *("700 root", "711 root"),
    ]


def test_a_read_only_box_keeps_its_crontab_over_a_restart_and_loses_it_with_the_container(
    real: Workshop,
) -> None:
    container = real.running(read_only=True)
    wrote = real.engine.exec(
        container, ["sh", "-c", "echo x >/etc/cron.d/cronbox && : >/tmp/t && : >/run/r && : >/usr/u"]
    )
    assert b"/usr/u: Read-only" in wrote.stderr
    real.engine.stop(container, timeout=10)
    real.engine.start(container)
    assert real.engine.exec(container, ["cat", "/etc/cron.d/cronbox"]).stdout == b"x\n"
    real.engine.remove(container)
    assert not exists(real, real.running(read_only=True), "/etc/cron.d/cronbox")


def test_a_command_on_pipes_gets_our_stdin_and_gives_its_output_and_code(real: Workshop) -> None:
    script = "sys.exit(engine.interactive(sys.argv[1], ['sh', '-c', 'cat; echo err >&2; exit 5']))"
    pipe = subprocess.PIPE
    shell = client(script, real.running(), stdin=pipe, stdout=pipe, stderr=pipe)
    assert shell.communicate(b"y" * 300_000, timeout=60) == (b"y" * 300_000, b"err\n")
    assert shell.returncode == 5


def test_a_command_on_a_terminal_gets_keys_and_window_size(real: Workshop) -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=theirs, check=True)
    script = "sys.exit(engine.interactive(sys.argv[1], ['sh'], tty=True))"
    shell = client(script, real.running(), stdin=theirs, stdout=theirs, start_new_session=True)
    shown = bytearray()

    def shows(text: bytes) -> bool:
        with suppress(BlockingIOError):
            shown.extend(os.read(ours, 4096))
        return text in shown

    wait_until(lambda: shows(b"# "))
    os.write(ours, b"stty size\n")
    wait_until(lambda: shows(b"33 77"))
    os.write(ours, b"exit 6\n")
    assert shell.wait(timeout=30) == 6
    os.close(ours)
    os.close(theirs)
