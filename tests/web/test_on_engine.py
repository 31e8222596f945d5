"""The page of a real daemon, before a real box."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.project import Project, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("page")]


def listening(project: Project) -> str:
    """The address that the daemon's log tells."""
    log = project.root / "daemon.log"
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((str(line["url"]) for line in lines if line["event"] == "web_listening"), "")


def test_a_daemon_serves_its_page_until_it_is_told_to_end_and_is_not_held_up_by_who_reads(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = f'\n[web]\nlisten = "127.0.0.1:{port}"\n[boxes.etl]\n'
    project = Project(tmp_path, f"test-page-{os.getpid()}", config)
    try:
        project.crontab("etl/jobs", "# cronbox: name=say\n0 0 1 1 * root echo '<b>said</b>'\n")
        project.cli("up")
        with project.daemon() as daemon:
            url = wait_until(lambda: listening(project))
            assert urlsplit(url).port == port
            wait_until(lambda: httpx.get(f"{url}healthz").status_code == 200)
            assert httpx.get(f"{url}readyz").json() == {"store": "ok", "engine": "ok", "daemon": "leads"}
            run = project.json("run", "etl/say", "--wait")["id"]
            wait_until(lambda: "&lt;b&gt;said" in httpx.get(f"{url}runs/{run}").text)
            found = project.cli("doctor", "--json", ok=False).stdout
            page = [each["message"] for each in json.loads(found)["checks"] if each["check"] == "web"]
            assert page == [f"the page is at {url}"]
            with socket.create_connection(("127.0.0.1", port)) as reader:
                reader.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                began = time.monotonic()
                daemon.terminate()
                assert daemon.wait(timeout=10) == 0
                assert time.monotonic() - began < 5
    finally:
        project.clean()
