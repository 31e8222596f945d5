"""An archive for a bug report: how a project is set up and how it is, without what must stay at home.

Everything goes through one `Redactor`, which knows the values of the project's secrets and variables. What
jobs printed is left out unless it is asked for, since nobody can know what is in it.
"""

from __future__ import annotations

import io
import json
import os
import platform
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from cronbox import __version__
from cronbox.errors import CronboxError
from cronbox.model.event import format_time
from cronbox.model.redaction import Redactor
from cronbox.ops import Site
from cronbox.ops.finding import Finding, Level, in_time
from cronbox.ops.inside import ask_agent
from cronbox.ops.secrets import find
from cronbox.ops.status import box_statuses, job_statuses

RUNS = 200
INCIDENTS = 200
LINES = 500
"""Of the output of each run, where it is asked for."""
OUTPUTS = 20
OF_ENGINE = ("ps.json", "agents.json", "inspect.json")
"""Not asked for again where the doctor got no answer from the engine: each would wait in vain."""
ADDRESSES = ("notify", "ping", "daemon")
"""Sections whose addresses are secrets as a whole: who knows one can use it."""
LOG_TAIL = 256 * 1024
LIBRARIES = ("docker", "sqlmodel", "sqlalchemy", "alembic", "apscheduler", "pydantic", "typer")


def write_bundle(site: Site, path: Path, findings: list[Finding], *, with_output: bool) -> list[str]:
    """Write the archive, for its owner only -> the names in it. What cannot be had is told in its place."""
    redactor = Redactor(known_values(site))
    names = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in _files(site, findings, redactor, with_output=with_output):
            _add(archive, f"cronbox-bundle/{name}", content, site.now())
            names.append(name)
    return names


def known_values(site: Site) -> Iterator[str]:
    """Every value that the project itself calls secret, or gives to jobs as a variable."""
    for box in site.config.boxes.values():
        yield from (value for _, value in box.env)
        for value in find(box, {}).values.values():
            yield value.decode(errors="surrogateescape")
    told = site.config.file.model_dump(mode="json")
    yield from _texts([told[section] for section in ADDRESSES], holding="://")


def _texts(value: Any, *, holding: str) -> Iterator[str]:
    """Every text in a JSON value that has this in it. Of an address, any part may be its key."""
    match value:
        case str() if holding in value:
            yield value
        case dict():
            yield from _texts(list(value.values()), holding=holding)
        case list():
            for inner in value:
                yield from _texts(inner, holding=holding)
        case _:
            return


def _files(
    site: Site, findings: list[Finding], redactor: Redactor, *, with_output: bool
) -> Iterator[tuple[str, str]]:
    dead = next((f.message for f in findings if f.check == "engine" and f.level is Level.FAIL), None)
    asked: dict[str, Any] = {
        "versions.json": lambda: _versions(site, dead),
        "config.json": lambda: _config(site),
        "findings.json": lambda: [finding.as_json() for finding in findings],
        "ps.json": lambda: [status.as_json() for status in box_statuses(site)],
        "jobs.json": lambda: [status.as_json() for status in job_statuses(site)],
        "runs.json": lambda: [run.as_json() for run in _runs(site, RUNS)],
        "incidents.json": lambda: _incidents(site),
        "agents.json": lambda: _of_running(site, lambda c: ask_agent(site.engine, c, "status")),
        "inspect.json": lambda: _of_running(site, site.engine.inspect),
    }
    for name, look in asked.items():
        found = {"not_to_be_had": dead} if dead and name in OF_ENGINE else _or_why(look)
        yield name, _json(redactor.value(found))
    for box in site.config.boxes.values():
        for file in sorted(path for path in box.crontabs.glob("*") if path.is_file()):
            text = file.read_text(encoding="utf-8", errors="backslashreplace")
            yield f"crontabs/{box.name}/{file.name}", redactor.crontab(text)
    for file in sorted(site.config.state_dir.glob("*.log")):
        yield f"log/{file.name}", redactor.text(_tail(file))
    for run in _runs(site, OUTPUTS) if with_output else ():
        lines = islice(site.store.output(run.id), LINES)
        yield f"output/{run.id}", redactor.text("".join(f"{line.text}\n" for line in lines))


def _or_why(look: Any) -> Any:
    """What a look gives, or why it does not."""
    try:
        return in_time(look)
    except (CronboxError, OSError) as error:
        return {"not_to_be_had": str(error)}


def _versions(site: Site, dead: str | None) -> dict[str, Any]:
    engine = dead or _or_why(lambda: asdict(site.engine.info()) | {"now": None})
    return {
        "cronbox": __version__,
        "python": platform.python_version(),
        "host": platform.platform(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "schema": _or_why(site.store.revision),
        "output_bytes": _or_why(site.store.output_bytes),
        "engine": engine,
        "at": format_time(site.now()),
    }


def _config(site: Site) -> dict[str, Any]:
    """config.toml as it was understood; of secrets only their names and what kind of source they have."""
    told = site.config.file.model_dump(mode="json", exclude_unset=True)
    for name, box in site.config.boxes.items():
        section = told.get("boxes", {}).get(name, {})
        if "secrets" in section:
            section["secrets"] = [f"{secret}: {how.source}" for secret, how in box.section.secrets.items()]
    return {"config": told, "policies": {name: asdict(box.policy) for name, box in site.config.boxes.items()}}


def _runs(site: Site, number: int) -> list[Any]:
    from cronbox.store import RunFilter

    return site.store.runs(RunFilter(limit=number))


def _incidents(site: Site) -> list[dict[str, Any]]:
    found = [one for box in site.store.box_states() for one in site.store.incidents(box, limit=INCIDENTS)]
    return [asdict(incident) | {"at": format_time(incident.at)} for incident in found]


def _of_running(site: Site, look: Any) -> dict[str, Any]:
    boxes = [box for box in site.engine.boxes(site.project) if box.running]
    return {box.box: _or_why(lambda box=box: look(box.container)) for box in boxes}


def _tail(file: Path) -> str:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - LOG_TAIL))
        return log.read().decode(errors="backslashreplace")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"


def _add(archive: tarfile.TarFile, name: str, content: str, at: datetime) -> None:
    data = content.encode(errors="backslashreplace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), int(at.timestamp()), 0o600
    archive.addfile(entry, io.BytesIO(data))
