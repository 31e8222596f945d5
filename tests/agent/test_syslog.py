from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cronbox.agent.syslog import Syslog, complaint


@pytest.mark.parametrize(
    "text",
    [
        "(*system*cronbox) ERROR (Syntax error, this crontab file will be ignored)",
        "Error: bad minute; while reading /etc/cron.d/cronbox",
        "(*system*cronbox) WRONG FILE OWNER (/etc/cron.d/cronbox)",
        "(*system*cronbox) INSECURE MODE (group/other writable) (/etc/cron.d/cronbox)",
        "Authentication failure",
        "(CRON) error (can't fork)",
        "(CRON) DEATH (can't lock /var/run/crond.pid, otherpid may be 12: Resource temporarily unavailable)",
        "pam_loginuid(cron:session): set_loginuid failed",
    ],
)
def test_what_cron_complains_about_is_told(text: str) -> None:
    assert complaint(f"<75>Nov  3 21:00:01 CRON[12]: {text}".encode()) == text


@pytest.mark.parametrize(
    "text",
    [
        "(root) CMD (echo load >/run/cronbox/trigger)",
        "(*system*cronbox) RELOAD (/etc/cron.d/cronbox)",
        "(CRON) INFO (pidfile fd = 3)",
        "(CRON) INFO (Running @reboot jobs)",
        "(CRON) STARTUP (fork ok)",
        "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
        "pam_unix(cron:session): session closed for user root",
    ],
)
def test_crons_routine_is_not_told(text: str) -> None:
    assert complaint(f"<78>Nov 23 21:00:01 cron[12]: {text}".encode()) is None


@pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"<13>Nov 23 21:00:01 etl: hello", b"cron[1]: no date"])
def test_what_others_log_is_not_crons_complaint(line: bytes) -> None:
    assert complaint(line) is None


def test_the_same_complaint_is_told_once_a_minute(tmp_path: Path) -> None:
    told: list[str] = []
    syslog = Syslog(str(tmp_path / "log"), told.append)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as cron:
        for text in ("one", "two", "one"):
            cron.sendto(f"<75>Nov 23 21:00:01 cron[12]: {text}".encode(), str(tmp_path / "log"))
    syslog.read()
    assert told == ["one", "two"]
    syslog.close()
