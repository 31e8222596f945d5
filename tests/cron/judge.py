"""Debian's own cron as the judge: which files it loads, and in which minutes it starts which entry.

It is the unmodified binary in an image made from the first part of Dockerfile.base. Asked when it
fires, it gets a clock that moves as fast as it sleeps (inside/clock.c).
"""

from __future__ import annotations

import io
import json
import re
import secrets
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker

from cronbox.model.crontab import Format

HERE = Path(__file__).parent
BASE = HERE.parents[1] / "Dockerfile.base"
LABEL = "cronbox.test.judge"
Fired = Counter[tuple[datetime, str]]
"""How often cron started the entry of a name in a minute (aware UTC)."""

_REFUSED = re.compile(
    r"Error: (?P<field>.*); while reading (?:/etc/cron\.d/|crontab for user )(?P<file>[\w-]+)$"
    r"|\((?:\*system\*)?(?P<other>[\w-]+)\) ERROR \((?P<why>.*), this crontab file will be ignored\)"
)
_STARTED = re.compile(r"^(\d+) \(root\) CMD \((.*)\)$", re.MULTILINE)
_FOLDERS: Mapping[Format, str] = {"system": "etc/cron.d", "user": "var/spool/cron/crontabs"}
_SYNTAX = "Syntax error"
"""What cron adds to the message that names the field."""


@dataclass(frozen=True)
class Verdict:
    """What cron made of a set of files. `errors` has the refused ones, by name."""

    errors: Mapping[str, str]
    users: frozenset[str]


@dataclass(frozen=True)
class Window:
    """The minutes that cron lives through: so many from `start` (aware UTC, a whole minute) on.

    `every` is one minute, or more than three hours: to cron, such a jump is a correction of the clock, after
    which it goes on as if nothing were.
    """

    start: datetime
    count: int
    every: timedelta = timedelta(minutes=1)

    def __iter__(self) -> Iterator[datetime]:
        return (self.start + number * self.every for number in range(self.count))


class Judge:
    """Makes its image when it is made itself; `close` removes it."""

    def __init__(self) -> None:
        self.docker = docker.from_env(timeout=300)
        self.tag = f"cronbox-judge:{secrets.token_hex(4)}"
        context = {path.relative_to(HERE).as_posix(): path.read_bytes() for path in HERE.glob("inside/*.*")}
        own = (HERE / "Dockerfile").read_text()
        context["Dockerfile"] = (BASE.read_text().partition("\nCOPY ")[0] + "\n" + own).encode()
        self.docker.images.build(
            fileobj=_tar(context),
            custom_context=True,
            tag=self.tag,
            rm=True,
            forcerm=True,
            labels={LABEL: ""},
        )

    def close(self) -> None:
        self.docker.images.remove(self.tag, force=True)
        self.docker.close()

    def load(self, files: Mapping[str, bytes], *, format: Format = "system") -> Verdict:
        """Start cron on these files, by name, and see which it refuses with what words."""
        command = ["/usr/bin/python3", "-IS", "/judge/load.py"]
        placed = {f"{_FOLDERS[format]}/{name}": data for name, data in files.items()}
        with self._container(command, {}, placed) as box:
            told = json.loads(_output_of(box))
        errors: dict[str, str] = {}
        for refused in filter(None, map(_REFUSED.search, told["messages"])):
            if refused["field"]:
                errors[refused["file"]] = refused["field"]
            elif refused["why"] != _SYNTAX:
                errors[refused["other"]] = refused["why"]
        return Verdict(errors, frozenset(told["users"]))

    def fire(self, crontab: Mapping[str, str], *, zone: str, windows: Sequence[Window]) -> Fired:
        """Let cron live through these windows, and see when it starts the time fields of each name.

        Windows must be more than three hours apart. `@reboot` comes a day before the first of them.
        """
        moments = [windows[0].start - timedelta(days=1), *(minute for window in windows for minute in window)]
        files = {
            "judge/moments": "".join(f"{int(moment.timestamp()) + 1}\n" for moment in moments).encode(),
            "etc/cron.d/fire": "".join(f"{times} root {name}\n" for name, times in crontab.items()).encode(),
        }
        environment = {
            "TZ": zone,
            "CLOCK_MOMENTS": "/judge/moments",
            "CLOCK_LOG": "/judge/log",
        }
        command = ["sh", "-c", "LD_PRELOAD=/judge/clock.so /usr/sbin/cron -f && cat /judge/log"]
        with self._container(command, environment, files) as box:
            log = _output_of(box)
        assert "ERROR" not in log, log[:2000]
        return Counter(
            (datetime.fromtimestamp(int(seconds) // 60 * 60, UTC), name)
            for seconds, name in _STARTED.findall(log)
        )

    @contextmanager
    def _container(
        self, command: list[str], environment: dict[str, str], files: Mapping[str, bytes]
    ) -> Iterator[Any]:
        container = self.docker.containers.create(
            self.tag, command, environment=environment, network_mode="none", labels={LABEL: ""}
        )
        try:
            container.put_archive("/", _tar(files))
            yield container
        finally:
            container.remove(force=True, v=True)


def _output_of(container: Any) -> str:
    """All it prints, once it has ended well."""
    container.start()
    code = container.wait()["StatusCode"]
    output: bytes = container.logs(stdout=True, stderr=False)
    assert code == 0, container.logs()[-2000:]
    return output.decode()


def _tar(files: Mapping[str, bytes]) -> io.BytesIO:
    """Owned by root, mode 0644, as cron wants its files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    packed.seek(0)
    return packed
