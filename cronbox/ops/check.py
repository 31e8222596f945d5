"""Check crontabs: those of the project's boxes, and any file or folder with or without a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cronbox.config import BoxConfig, Config
from cronbox.errors import CronboxError, NotFound
from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.lint import BoxFacts, Problem, lint_box
from cronbox.ops import Site
from cronbox.ops.crontabs import crontab_paths, facts_of, is_crontab
from cronbox.ops.inside import box_inside

DEBIAN_USERS = frozenset(
    {
        *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy"),
        *("www-data", "backup", "list", "irc", "_apt", "nobody"),
    }
)
"""/etc/passwd of debian:bookworm-slim."""

UsersOf = Callable[[BoxConfig], frozenset[str] | None]
"""The users in a box's image, or None if the engine cannot tell."""


@dataclass(frozen=True, slots=True)
class Group:
    """Crontab files that are one box's, or could be: those of one folder. `box` is None for no box's."""

    files: tuple[Path, ...]
    box: BoxConfig | None


def groups_of(config: Config | None, paths: Sequence[Path]) -> list[Group]:
    """The files under these paths, folder by folder; all boxes of the project for none. Raises NotFound."""
    if not paths:
        boxes = config.boxes.values() if config else ()
        return [group_of_box(box) for box in boxes]
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        for file in _files(path):
            by_folder.setdefault(file.parent, []).append(file)
    return [
        Group(tuple(dict.fromkeys(files)), _box_of(config, folder)) for folder, files in by_folder.items()
    ]


def group_of_box(box: BoxConfig) -> Group:
    """All crontab files of one box."""
    return Group(tuple(map(_shown, crontab_paths(box))), box)


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or all crontab files in and below a folder."""
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if is_crontab(file))
    elif path.exists():
        yield path
    else:
        raise NotFound(f"no file or folder {path}")


def _shown(path: Path) -> Path:
    """A path as a person in the working directory would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _box_of(config: Config | None, folder: Path) -> BoxConfig | None:
    """The box whose folder it is."""
    boxes = config.boxes.values() if config else ()
    return next((box for box in boxes if box.crontabs == folder.resolve()), None)


def check(groups: Sequence[Group], *, users_of: UsersOf, more_users: frozenset[str]) -> list[Problem]:
    """What the linter says of the groups, file by file."""
    problems: list[Problem] = []
    for group in groups:
        users = _users(group.box, users_of) | more_users
        zone = group.box.zone if group.box else None
        problems += lint_box(parsed(group), zone=zone, facts=BoxFacts(users=users))
    return problems


def _users(box: BoxConfig | None, users_of: UsersOf) -> frozenset[str]:
    """Who there is in the box: its image knows best; without it, Debian's own and those of the config."""
    if box is None:
        return DEBIAN_USERS
    declared = frozenset(box.section.users)
    return (users_of(box) or DEBIAN_USERS) | declared


def image_users(site: Site, box: BoxConfig) -> frozenset[str] | None:
    """The users in the box as it runs now; None where it does not, or no engine answers."""
    try:
        return facts_of(site.engine, box_inside(site, box.name).container).users
    except CronboxError:
        return None


def parsed(group: Group) -> tuple[Crontab, ...]:
    return tuple(parse_crontab(path.read_bytes(), file=str(path)) for path in group.files)
