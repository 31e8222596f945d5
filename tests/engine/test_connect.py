"""Reaching an engine, and what is said when there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cronbox.engine.docker import DockerEngine
from cronbox.engine.docker_connect import ssh_command
from cronbox.engine.docker_errors import RIGHTS_HINT, START_HINT, no_engine, translated
from cronbox.errors import NoEngine
from tests.engine.conftest import Workshop


def test_an_address_where_nobody_listens_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(NoEngine) as failure:
        DockerEngine.connect(f"unix://{tmp_path}/none.sock")
    assert failure.value.hint == START_HINT


@pytest.mark.parametrize("address", ["bogus://x", "/var/run/docker.sock", "unix"])
def test_what_is_no_address_is_no_engine_and_told_how_to_write_one(address: str) -> None:
    with pytest.raises(NoEngine) as failure:
        DockerEngine.connect(address)
    assert address in failure.value.message
    assert "unix://" in failure.value.hint


def test_the_address_that_the_environment_names_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(NoEngine, match=f"{tmp_path}/none.sock"):
        DockerEngine.connect(None)


def test_an_engine_that_hangs_up_is_no_engine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.close()
        with pytest.raises(NoEngine):
            DockerEngine.connect(f"tcp://127.0.0.1:{port}")


def test_a_socket_that_may_not_be_opened_is_told_from_one_that_is_not_there() -> None:
    denied = ConnectionError("aborted", PermissionError(13, "denied"))
    assert no_engine("cannot", denied).hint == RIGHTS_HINT
    assert no_engine("cannot", ConnectionError("aborted", FileNotFoundError(2, "none"))).hint == START_HINT


def test_errors_of_our_own_pass_through_untouched() -> None:
    ours = NoEngine("ours")
    with pytest.raises(NoEngine) as caught, translated("doing something"):
        raise ours
    assert caught.value is ours


def test_an_ssh_address_becomes_an_ssh_command_that_asks_no_questions() -> None:
    command = ssh_command("ssh://me@host.example:2222")
    assert command[-7:] == ["-l", "me", "-p", "2222", "--", "host.example", "docker system dial-stdio"]
    assert "BatchMode=yes" in command


@pytest.mark.engine
def test_an_engine_behind_ssh_does_all_that_a_local_one_does(
    real: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ssh` is a script here that runs its last argument on this machine, as sshd would on another."""
    stand_in = tmp_path / "ssh"
    stand_in.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    container = real.running()
    remote = DockerEngine.connect("ssh://me@host.example")
    assert remote.exec(container, ["cat"], stdin=b"x" * 3_000_000).stdout == b"x" * 3_000_000
    reading = ["sh", "-c", "echo begun; exec cat"]
    with remote.events(real.project) as events, remote.stream(container, reading) as chunks:
        assert next(chunks) == b"begun\n"
        remote.stop(container, timeout=10)
        assert list(chunks) == []
        assert next(events).action == "die"
    remote.close()
