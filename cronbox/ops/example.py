"""The small project that `init` writes: the files of `cronbox/templates/`."""

from __future__ import annotations

import importlib.resources
import shutil
from collections.abc import Iterator
from pathlib import Path

from cronbox.errors import CronboxError
from cronbox.locate import CONFIG_NAME

PARTS = (CONFIG_NAME, "crontabs", "scripts")


def write_example(folder: Path) -> list[Path]:
    """Write the example into a folder, which is made -> the files and folders written.

    Raises CronboxError if anything of it is there already; then nothing is written.
    """
    there = [part for part in PARTS if (folder / part).exists()]
    if there:
        raise CronboxError(
            f"{folder.resolve()} has {', '.join(there)} already; nothing was written",
            hint="name an empty folder: `cronbox init DIR`",
        )
    try:
        return list(_copied(Path(str(importlib.resources.files("cronbox"))) / "templates", folder))
    except OSError as error:
        raise CronboxError(f"cannot write {error.filename}: {error.strerror}") from None


def _copied(source: Path, folder: Path) -> Iterator[Path]:
    for part in PARTS:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copyfile(source / part, target)
        yield target
