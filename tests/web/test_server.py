"""The page as a thread of the daemon: it comes when it can, changes with its config, and holds nobody up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import structlog

from cronbox.config import load_config
from cronbox.errors import ConfigError
from cronbox.ops import Site
from cronbox.ops.page import page_findings
from cronbox.ops.pulse import Pulse
from cronbox.web import server
from tests.cli.desk import Desk
from tests.project import wait_until


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRONBOX_CONFIG", raising=False)
    monkeypatch.setattr(server, "AGAIN_S", 0.05)
    at_work = Desk(tmp_path)
    yield at_work
    at_work.leave()


def a_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def listening(desk: Desk, text: str) -> Site:
    desk.configure(f"[web]\n{text}\n")
    return desk._open(None)


@contextmanager
def served(site: Site) -> Iterator[list[structlog.types.EventDict]]:
    """The page, and what it logs, while the block lasts."""
    stopped = threading.Event()
    structlog.reset_defaults()  # else it hangs on which levels an earlier test has let pass
    with structlog.testing.capture_logs() as logged:
        thread = threading.Thread(target=server.serve, args=(site, Pulse(), stopped), daemon=True)
        thread.start()
        try:
            yield logged
        finally:
            stopped.set()
            thread.join(timeout=5)
            assert not thread.is_alive()


def test_a_port_that_is_taken_is_told_once_and_served_as_soon_as_it_is_free(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with served(listening(desk, f'listen = "127.0.0.1:{port}"')) as logged:
            wait_until(lambda: logged, within=8)
            time.sleep(0.3)
            assert [entry["event"] for entry in logged] == ["web_failed"]
            holder.close()
            wait_until(lambda: len(logged) > 1)
            assert logged[1]["url"] == f"http://127.0.0.1:{port}/"


def test_a_changed_address_is_taken_up_and_an_empty_one_ends_the_page(desk: Desk) -> None:
    first, second = a_port(), a_port()
    site = listening(desk, f'listen = "127.0.0.1:{first}"')
    with served(site) as logged:
        wait_until(lambda: logged, within=8)
        site.config = listening(desk, f'listen = "127.0.0.1:{second}"').config
        wait_until(lambda: len(logged) > 1)
        assert httpx.get(f"http://127.0.0.1:{second}/healthz").status_code == 503
        site.config = listening(desk, 'listen = ""').config
        wait_until(lambda: not answers(second))


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_new_token_shuts_out_who_knew_the_old_one(desk: Desk) -> None:
    (desk.root / "token").write_text("the-first-token-of-all\n")
    port = a_port()
    with served(listening(desk, f'listen = "127.0.0.1:{port}"\ntoken_file = "token"')) as logged:
        wait_until(lambda: logged, within=8)

        def status(token: str) -> int:
            try:
                headers = {"Authorization": f"Bearer {token}"}
                return httpx.get(f"http://127.0.0.1:{port}/jobs", headers=headers).status_code
            except httpx.TransportError:
                return 0

        assert status("the-first-token-of-all") == 200
        (desk.root / "token").write_text("the-second-token-of-all\n")
        wait_until(lambda: status("the-second-token-of-all") == 200)
        assert status("the-first-token-of-all") == 303


def test_the_page_ends_at_once_with_a_connection_open_and_half_a_request_on_it(desk: Desk) -> None:
    port = a_port()
    with served(listening(desk, f'listen = "127.0.0.1:{port}"')) as logged:
        wait_until(lambda: logged, within=8)
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 503")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        began = time.monotonic()
    assert time.monotonic() - began < 5
    connection.close()


@pytest.mark.parametrize("listen", ["0.0.0.0:8090", "[::]:8090", "192.0.2.1:80", "example.com:80"])
def test_an_address_that_others_reach_needs_a_token(desk: Desk, listen: str) -> None:
    desk.configure(f'[web]\nlisten = "{listen}"\n')
    answer = desk("check")
    assert answer.code == 2 and "token_file" in answer.err
    (desk.root / "token").write_text("0123456789abcdef")
    desk.configure(f'[web]\nlisten = "{listen}"\ntoken_file = "token"\n')
    assert load_config(desk.root / "config.toml").file.web.listen == listen


@pytest.mark.parametrize("listen", ["8090", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":8090"])
def test_an_address_that_is_none_is_refused(desk: Desk, listen: str) -> None:
    desk.configure(f'[web]\nlisten = "{listen}"\n')
    with pytest.raises(ConfigError) as refused:
        load_config(desk.root / "config.toml")
    assert "HOST:PORT" in refused.value.in_full()


def test_a_token_file_that_is_not_there_is_refused(desk: Desk) -> None:
    desk.configure('[web]\ntoken_file = "nowhere"\n')
    assert "web.token_file: no file" in desk("check").err


@pytest.mark.parametrize("token", ["", "short", "caf\xe9" * 9, "two lines of a token\nand more"])
def test_a_token_that_is_none_is_a_failure_of_the_doctor(desk: Desk, token: str) -> None:
    (desk.root / "token").write_text(token)
    found = page_findings(listening(desk, 'token_file = "token"'), daemon_runs=False)
    assert [finding.level for finding in found] == ["fail"]


def test_a_token_that_others_can_read_is_warned_of(desk: Desk) -> None:
    (desk.root / "token").write_text("0123456789abcdef")
    (desk.root / "token").chmod(0o644)
    site = listening(desk, 'token_file = "token"')
    assert [finding.level for finding in page_findings(site, daemon_runs=False)] == ["warn"]
    (desk.root / "token").chmod(0o600)
    assert page_findings(site, daemon_runs=False) == []


def test_the_doctor_asks_the_page_itself(desk: Desk) -> None:
    port = a_port()
    site = listening(desk, f'listen = "127.0.0.1:{port}"')
    (silent,) = page_findings(site, daemon_runs=True)
    assert silent.level == "fail" and "web_failed" in silent.hint
    with served(site) as logged:
        wait_until(lambda: logged, within=8)
        (tired,) = page_findings(site, daemon_runs=True)
        assert tired.level == "warn" and "not looked" in tired.message
        site.config.file.cronbox.__dict__["project"] = "another"
        desk.configure(f'[web]\nlisten = "127.0.0.1:{port}"\n')
        (foreign,) = page_findings(desk._open(None), daemon_runs=True)
        assert foreign.level == "fail" and "another program" in foreign.message


def test_the_doctor_has_nothing_to_say_of_a_page_that_is_turned_off(desk: Desk) -> None:
    assert page_findings(listening(desk, 'listen = ""'), daemon_runs=True) == []
