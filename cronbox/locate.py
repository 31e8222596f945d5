"""Where a project's config.toml is. Apart from `config`, so that a command that needs none starts faster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cronbox.errors import ConfigError

CONFIG_NAME = "config.toml"


def find_config(named: str | None) -> Path:
    """The config named by `-C` or CRONBOX_CONFIG, else config.toml in this folder or one above it.

    Raises ConfigError where none is named and none is found.
    """
    if named is not None:
        path = Path(named).expanduser().resolve()
        return path / CONFIG_NAME if path.is_dir() else path
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigError(
        "no config.toml in this folder or above it",
        hint="`cronbox init` writes an example, or name one with -C",
    )


def concerns(config: Path, paths: Sequence[Path]) -> bool:
    """Whether crontabs under these paths are, or may be, those of the config's boxes."""
    boxes = config.parent / "crontabs"
    under = [path.resolve() for path in paths]
    return any(path.is_relative_to(boxes) or boxes.is_relative_to(path) for path in under)


def lint_table(config: Path) -> object:
    """`[lint]` alone, unchecked. Raises OSError, ValueError."""
    import tomllib

    return tomllib.loads(config.read_text(encoding="utf-8")).get("lint", {})
