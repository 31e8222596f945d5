"""Fetch a box's secrets from where config.toml says they are, and hand them to its agent.

The values go through the stdin of an exec, which Docker shows to nobody. Outside the box they are in the
memory of this process and nowhere else.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from cronbox.config import BoxConfig, SecretSection
from cronbox.engine import AGENT
from cronbox.errors import EngineError, SecretsRefused
from cronbox.ops import Site
from cronbox.ops.crontabs import read_crontabs

CONFIRM_EVERY = timedelta(minutes=5)
"""When commands are asked again, and a box is given what it should have already: somebody else may have
given it something else."""
COMMAND_TIMEOUT_S = 20
MOST_BYTES = 500_000
MOST_BYTES_IN_A_VARIABLE = 100_000
"""The kernel takes no variable over 128 KiB."""

Answers = dict[tuple[str, ...], bytes]
"""What commands have printed."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a box was last given. `at`: when that was asked for anew, and the box was sure to have it."""

    container: str
    payload: bytes
    at: datetime
    answers: Answers


@dataclass(slots=True)
class Found:
    """What could be had of a box's secrets, and why the rest could not."""

    values: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """Each with its key's path, and nothing of a value in it."""


class Unavailable(Exception):
    """Why a secret cannot be had."""


def keep_secrets(site: Site, box: BoxConfig, container: str) -> None:
    """See that the box has its secrets. Raises SecretsRefused if some cannot be had, after the others have
    been handed over."""
    refuse(box.name, deliver(site, box, container))


def deliver(site: Site, box: BoxConfig, container: str) -> list[str]:
    """See that the box has its secrets -> what is wrong with some, whose old values go on.

    A box that was given the same before costs an exec every few minutes; one without secrets costs nothing.
    """
    if not box.section.secrets:
        return []
    last = site.delivered.get(box.name)
    if last is None or last.container != container or site.now() - last.at >= CONFIRM_EVERY:
        last = None
    answers = dict(last.answers) if last else {}
    found = find(box, answers)
    payload = _payload(box, found)
    if last is None or last.payload != payload:
        _hand_over(site, box.name, container, payload)
        site.delivered[box.name] = Delivery(container, payload, last.at if last else site.now(), answers)
    return [*found.problems, *_unknown_jobs(site, box)]


def refuse(box: str, problems: Sequence[str]) -> None:
    """Raises SecretsRefused if there is any problem."""
    if problems:
        raise SecretsRefused(
            f"{box}: not all secrets can be had; the old values go on",
            problems=problems,
            hint="docs/secrets.md describes the keys; a command may say more when it is run by hand",
        )


def find(box: BoxConfig, answers: Answers) -> Found:
    """Ask every source; a command only if its answer is not among `answers`, where it then is."""
    found = Found()
    for name, section in box.section.secrets.items():
        try:
            found.values[name] = _checked(_raw(box, section, answers), section)
        except Unavailable as reason:
            found.problems.append(f"boxes.{box.name}.secrets.{name}.{section.source}: {reason}")
    return found


def secret_files(boxes: Iterable[BoxConfig]) -> list[Path]:
    """Every file that a secret is in and that we may read now."""
    sections = ((box, section) for box in boxes for section in box.section.secrets.values())
    paths = [box.path(section.file) for box, section in sections if section.file is not None]
    return [path for path in paths if os.access(path, os.R_OK) and path.is_file()]


def _payload(box: BoxConfig, found: Found) -> bytes:
    values = {name: value.decode("utf-8", "surrogateescape") for name, value in found.values.items()}
    absent = [name for name in box.section.secrets if name not in values]
    return json.dumps({"values": values, "keep": absent}).encode("ascii")


def _hand_over(site: Site, box: str, container: str, payload: bytes) -> None:
    result = site.engine.exec(container, [*AGENT, "secrets"], stdin=payload)
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()
        raise EngineError(f"{box}: the secrets could not be handed over: {said}")
    if json.loads(result.stdout)["changed"]:
        log.info("secrets_delivered", box=box)


def _unknown_jobs(site: Site, box: BoxConfig) -> Iterator[str]:
    """Secrets for jobs that there are not."""
    chosen = [(name, job) for name, section in box.section.secrets.items() for job in section.jobs or ()]
    known = {job.name for job in read_crontabs(site.config, box, None).jobs} if chosen else set()
    for name, job in chosen:
        if job not in known:
            yield f"boxes.{box.name}.secrets.{name}.jobs: no job {job!r} in crontabs/{box.name}"


def _raw(box: BoxConfig, section: SecretSection, answers: Answers) -> bytes:
    match section:
        case SecretSection(file=str() as file):
            return _without_newline(_content(box.path(file)))
        case SecretSection(env=str() as variable):
            if variable not in os.environ:
                raise Unavailable(f"no variable {variable} in cronbox's own environment")
            return os.fsencode(os.environ[variable])
        case SecretSection(command=list() as command):
            argv = tuple(command)
            if argv not in answers:
                answers[argv] = _answer(argv, box.root)
            return _without_newline(answers[argv])
        case _:
            raise AssertionError("a secret has a source")


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Unavailable(f"no file {path}")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}") from None


def _answer(argv: tuple[str, ...], folder: Path) -> bytes:
    """What a command prints. What it says on stderr goes nowhere: it could be the secret itself."""
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{argv[0]} took longer than {COMMAND_TIMEOUT_S} s") from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"cannot run {argv[0]}: {getattr(error, 'strerror', error)}") from None
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]} ended with exit code {done.returncode}")
    return done.stdout


def _without_newline(raw: bytes) -> bytes:
    """A value of one line loses its newline, which an editor has put there; of several lines (a key, a
    certificate) it is a part."""
    line = raw.removesuffix(b"\r\n").removesuffix(b"\n")
    return raw if b"\n" in line else line


def _checked(value: bytes, section: SecretSection) -> bytes:
    """An empty one is refused: a file that is just being written must not take a password away."""
    if not value:
        raise Unavailable("is empty")
    most = MOST_BYTES_IN_A_VARIABLE if section.variable else MOST_BYTES
    if len(value) > most:
        raise Unavailable(f"is longer than {most} bytes")
    if section.variable and b"\0" in value:
        raise Unavailable("has a zero byte, which no variable can hold")
    return value
