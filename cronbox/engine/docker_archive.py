"""The files of a box's /log, read from outside, so that a box that stands still can be read too."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from docker.api import APIClient

from cronbox.engine.docker_errors import translated

ACTIVE = "cron.log"


def log_files(api: APIClient, container: str) -> Iterator[tuple[str, bytes]]:
    """(name, content), one file in memory at a time: first what is no segment, then these, oldest first.

    The engine's archive goes through a temporary file. A file that grows meanwhile is cut where it ended
    when its turn came.
    """
    with tempfile.TemporaryFile() as spool:
        _download(api, container, spool)
        spool.seek(0)
        with tarfile.open(fileobj=spool) as archive:
            for member in sorted((m for m in archive if m.isfile()), key=_age):
                content = archive.extractfile(member)
                if content is not None:
                    yield PurePosixPath(member.name).name, content.read()


def _download(api: APIClient, container: str, spool: IO[bytes]) -> None:
    with translated("cannot read the log"):
        chunks, _ = api.get_archive(container, "/log")
    while chunk := _next(chunks):
        spool.write(chunk)


def _next(chunks: Iterator[bytes]) -> bytes:
    with translated("cannot read the log"):
        return next(chunks, b"")


def _age(member: tarfile.TarInfo) -> tuple[int, str]:
    name = PurePosixPath(member.name).name
    if name == ACTIVE:
        return 2, name
    return (1 if name.startswith("cron-") and name.endswith(".log") else 0), name
