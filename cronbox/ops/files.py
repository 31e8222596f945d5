"""Which files are crontabs, and their bytes: those of a box, those under a path, and what is piped to us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cronbox.errors import NotFound, UsageError

if TYPE_CHECKING:
    from cronbox.config import BoxConfig

STDIN = Path("/dev/stdin")
_OPEN_FILES = (Path("/dev/fd"), Path("/proc/self/fd"))
"""Where a shell puts what it pipes to an argument, as in `<(crontab -l)`."""


def crontab_paths(box: BoxConfig) -> Iterator[Path]:
    """The box's crontab files by name; dot-files and editors' `~` files are not among them."""
    folder = box.crontabs
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_crontab(path):
            yield path


def is_crontab(path: Path) -> bool:
    """Whether a path in a folder of crontabs is one of them."""
    return path.is_file() and not path.name.startswith(".") and not path.name.endswith("~")


def crontabs_under(path: Path) -> Iterator[Path]:
    """The file itself, or all crontab files in and below a folder, by name.

    Raises NotFound, UsageError for what is no file, OSError for a folder that may not be read.
    """
    if path.is_dir():
        yield from _below(path)
    elif path.is_file() or _is_piped(path):
        yield path
    elif path.exists():
        raise UsageError(f"{path} is not a file", hint="write - to check what is piped in")
    else:
        raise NotFound(f"no file or folder {path}", hint="name a crontab file, or a folder of them")


def _below(folder: Path) -> Iterator[Path]:
    """Links to folders are not followed, so nothing goes round; hidden folders are no place for crontabs."""
    waiting = sorted(folder.iterdir(), reverse=True)
    while waiting:
        path = waiting.pop()
        if is_crontab(path):
            yield path
        elif path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            waiting += sorted(path.iterdir(), reverse=True)


def _is_piped(path: Path) -> bool:
    """Standard input, or a pipe that we hold already; any other may have nobody who writes to it."""
    return path == STDIN or (path.is_fifo() and path.parent in _OPEN_FILES)
