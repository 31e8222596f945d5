"""From config.toml and the files it names to the values the rest works with: recipe and spec of a box."""

from __future__ import annotations

import importlib.resources
import stat
from pathlib import Path

from cronbox.config import BoxConfig, Config
from cronbox.engine import Image
from cronbox.model.box import BoxSpec, Mount, Recipe

BASE_NAME = "Dockerfile.base"


def recipe_of(config: Config, box: BoxConfig) -> Recipe:
    """All that goes into the box's image, read from disk now."""
    section = box.section
    dockerfile = box.path(section.dockerfile) if section.dockerfile else None
    return Recipe(
        base_image=section.base_image,
        base_dockerfile=base_dockerfile(config.root).read_bytes(),
        agent=agent_files(),
        apt=tuple(section.apt),
        pip=box.path(section.pip).read_bytes() if section.pip else None,
        users=tuple(section.users),
        dockerfile=dockerfile.name if dockerfile else None,
        context=_context(dockerfile.parent) if dockerfile else (),
    )


def spec_of(config: Config, box: BoxConfig, image: Image) -> BoxSpec:
    """The container the box should be, on this image."""
    section = box.section
    scripts = (Mount(str(box.path(section.scripts)), "/scripts", read_only=True),) if section.scripts else ()
    return BoxSpec(
        project=config.project,
        box=box.name,
        image=image.id,
        release=image.release,
        timezone=section.timezone,
        mounts=scripts
        + tuple(_mount(box, mount.source, mount.target, mount.read_only) for mount in section.mounts),
        env=box.env,
        network=section.network,
        memory=section.memory,
        cpus=section.cpus,
        stop_grace=round(section.stop_grace),
        read_only=section.read_only,
    )


def _mount(box: BoxConfig, source: str, target: str, read_only: bool) -> Mount:
    if "/" in source:
        return Mount(str(box.path(source)), target, read_only)
    return Mount(source, target, read_only, kind="volume")


def base_dockerfile(root: Path) -> Path:
    """The project's own Dockerfile.base, else the one that comes with cronbox."""
    package = Path(str(importlib.resources.files("cronbox")))
    places = (root / BASE_NAME, package / BASE_NAME, package.parent / BASE_NAME)
    return next(place for place in places if place.is_file())


def agent_files() -> tuple[tuple[str, bytes], ...]:
    """(file name, content) of the agent's modules, sorted."""
    folder = Path(str(importlib.resources.files("cronbox.agent")))
    return tuple((path.name, path.read_bytes()) for path in sorted(folder.glob("*.py")))


def _context(folder: Path) -> tuple[tuple[str, int, bytes], ...]:
    """(relative path, mode, content) of every file beside an own Dockerfile, sorted; links are followed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        (str(path.relative_to(folder)), stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in files
    )
