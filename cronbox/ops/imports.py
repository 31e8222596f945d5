"""Import other schedulers' jobs: read them, prove what is to be written, write all of it or nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from cronbox.config import load_config
from cronbox.errors import ConfigError, CronboxError, NotFound
from cronbox.model.importing import (
    Finding,
    Format,
    Options,
    ProjectFiles,
    Source,
    Unreadable,
    WrittenFile,
    detect,
    project_files,
    translate,
)
from cronbox.ops.check import DEBIAN_USERS
from cronbox.ops.files import is_crontab

STDIN = "-"
_FORMATS = ", ".join(Format)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person says about an import. `format` and `box` stand for all sources."""

    format: Format | None = None
    user: str | None = None
    box: str | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What an import comes to: which source was read as what, and the project."""

    sources: tuple[tuple[str, Format], ...]
    project: ProjectFiles

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.project.findings


def plan_import(paths: Sequence[str], stdin: bytes, wishes: Wishes) -> Import:
    """Read and translate the sources; `-` stands for `stdin`. Nothing is written.

    Raises NotFound, and CronboxError where a source cannot be read as what it is said to be.
    """
    options = Options(wishes.user, DEBIAN_USERS, frozenset(available_timezones()))
    sources = [source for path in paths for source in _sources(path, stdin, wishes)]
    known = [(source, _format(source, wishes.format)) for source in sources]
    readable = [(source, format) for source, format in known if format is not None]
    if not readable:
        raise CronboxError(
            f"{', '.join(paths)}: no jobs found", hint=f"name the format with --from: {_FORMATS}"
        )
    try:
        draft = translate(readable, options)
    except Unreadable as error:
        where = error.file if error.line is None else f"{error.file}:{error.line}"
        raise CronboxError(
            f"{where}: {error.message}", hint=f"--from names another format: {_FORMATS}"
        ) from None
    present = frozenset(source for source in draft.mount_sources if Path(source).expanduser().exists())
    project = project_files(draft, users=DEBIAN_USERS, present=present)
    _prove(project)
    return Import(tuple((source.file, format) for source, format in readable), project)


def write_import(folder: Path, plan: Import) -> list[Path]:
    """Write the project into a folder, which is made -> the files written, in their order.

    Raises CronboxError if one of them is there already, or cannot be written; then nothing is left behind.
    """
    files = plan.project.files
    there = [file.path for file in files if os.path.lexists(folder / file.path)]
    if there:
        raise CronboxError(
            f"{folder.resolve()} has {', '.join(there)} already; nothing was written",
            hint="name another folder with --into, and move over what you want of it",
        )
    return _written(folder, files)


# ------------------------------------------------------------------------------------------ reading


def _sources(path: str, stdin: bytes, wishes: Wishes) -> Iterator[Source]:
    """The file itself, or every file in and below a folder."""
    if path == STDIN:
        yield Source("stdin", stdin, wishes.box or "jobs", str(Path.cwd()), detected=wishes.format is None)
        return
    top = Path(path)
    if not top.exists():
        raise NotFound(f"no file or folder {path}", hint="`-` reads what is piped in, as in `crontab -l | …`")
    if not top.is_dir():
        yield _source(top, wishes.box or top.stem, wishes, found=False)
        return
    for file in sorted(top.rglob("*")):
        if is_crontab(file):
            yield _source(file, wishes.box or top.resolve().name, wishes, found=True)


def _source(path: Path, box: str, wishes: Wishes, *, found: bool) -> Source:
    folder = str(path.resolve().parent)
    return Source(str(path), path.read_bytes(), box, folder, detected=wishes.format is None, found=found)


def _format(source: Source, wished: Format | None) -> Format | None:
    """As it is wished, else as it looks. A file with nothing in it is nothing, one of a folder may be."""
    format = wished or detect(source)
    if format is None and source.data.strip() and not source.found:
        raise CronboxError(f"{source.file}: no telling what this is", hint=f"say it with --from: {_FORMATS}")
    return format


# ------------------------------------------------------------------------------------------ writing


def _prove(project: ProjectFiles) -> None:
    """Raises CronboxError if cronbox itself would not take the config."""
    with tempfile.TemporaryDirectory(prefix="cronbox-import-") as folder:
        _written(Path(folder), project.files)
        try:
            load_config(Path(folder) / project.files[0].path)
        except ConfigError as error:
            raise CronboxError(
                "the imported config would not be valid; nothing was written",
                problems=error.problems,
                hint="this is a defect of cronbox: report it with the source",
            ) from None


def _written(folder: Path, files: Sequence[WrittenFile]) -> list[Path]:
    """Every file, or none: what was made is taken away again where one fails. Raises CronboxError."""
    made: list[Path] = []
    try:
        for file in files:
            path = folder / file.path
            made += _make_folders(path.parent)
            _write(path, file)
            made.append(path)
    except OSError as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise CronboxError(f"cannot write {error.filename}: {error.strerror}; nothing was written") from None
    return [folder / file.path for file in files]


def _make_folders(folder: Path) -> list[Path]:
    """The folders that had to be made, from the top."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()][::-1]
    for path in missing:
        path.mkdir()
    return missing


def _write(path: Path, file: WrittenFile) -> None:
    """A new file only; what is there is never touched."""
    mode = 0o600 if file.secret else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(file.text.encode("utf-8", "surrogateescape"))
