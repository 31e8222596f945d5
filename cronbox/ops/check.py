"""Check crontabs: those of the project's boxes, and any file or folder with or without a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cronbox.model.crontab import Crontab, Format, parse_crontab
from cronbox.model.lint import EVERY_RULE, BoxFacts, Problem, Selection, lint_box
from cronbox.ops.files import crontab_paths, crontabs_under

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from cronbox.config import BoxConfig, Config

DEBIAN_USERS = frozenset(
    {
        *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy"),
        *("www-data", "backup", "list", "irc", "_apt", "nobody"),
    }
)
"""/etc/passwd of debian:bookworm-slim."""

FactsOf = Callable[["BoxConfig"], BoxFacts]
"""What is known of a box; its users are None if the engine cannot tell."""


@dataclass(frozen=True, slots=True)
class Group:
    """Crontab files that are one box's, or could be: those of one folder. `box` is None for no box's."""

    files: tuple[Path, ...]
    box: BoxConfig | None = None
    format: Format = "system"


@dataclass(frozen=True, slots=True)
class Checker:
    """How to check: what is known of boxes, who is there beside, and which rules to apply."""

    facts_of: FactsOf
    more_users: frozenset[str] = frozenset()
    zone: ZoneInfo | None = None
    """That of files which are no box's, where it is known."""
    selection: Selection = EVERY_RULE

    def problems(self, group: Group, crontabs: Sequence[Crontab], facts: BoxFacts) -> list[Problem]:
        """What the linter says of the files of a group."""
        zone = group.box.zone if group.box else self.zone
        chosen = self.selection
        return lint_box(crontabs, zone=zone, facts=facts, select=chosen.select, ignore=chosen.ignore)

    def facts(self, box: BoxConfig | None) -> BoxFacts:
        """Who there is in the box: its image knows best; without it, Debian's own and those of the config."""
        if box is None:
            return BoxFacts(users=DEBIAN_USERS | self.more_users)
        known = self.facts_of(box)
        declared = frozenset(box.section.users)
        users = (known.users or DEBIAN_USERS) | declared | self.more_users
        return replace(known, users=users, groups=frozenset(box.section.groups))


def groups_of(config: Config | None, paths: Sequence[Path], *, format: Format = "system") -> list[Group]:
    """The files under these paths, folder by folder; all boxes of the project for none.

    Users' own crontabs are nobody's box, and each of them is by itself. Raises NotFound, UsageError, OSError.
    """
    if not paths:
        boxes = config.boxes.values() if config else ()
        return [group_of_box(box) for box in boxes]
    files = dict.fromkeys(file for path in paths for file in _files(config, path))
    if format == "user":
        return [Group((file,), format=format) for file in files]
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent, []).append(file)
    return [Group(tuple(found), _box_of(config, folder)) for folder, found in by_folder.items()]


def _files(config: Config | None, path: Path) -> Iterator[Path]:
    """A project's own folder has more in it than crontabs, so it stands for its boxes."""
    if config and path.resolve() == config.root:
        for box in config.boxes.values():
            yield from map(_shown, crontab_paths(box))
    else:
        yield from crontabs_under(path)


def group_of_box(box: BoxConfig) -> Group:
    """All crontab files of one box."""
    return Group(tuple(map(_shown, crontab_paths(box))), box)


def _shown(path: Path) -> Path:
    """A path as a person in the working directory would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _box_of(config: Config | None, folder: Path) -> BoxConfig | None:
    """The box whose folder it is."""
    boxes = config.boxes.values() if config else ()
    return next((box for box in boxes if box.crontabs == folder.resolve()), None)


def parsed(group: Group) -> tuple[Crontab, ...]:
    """The files of a group as they are now. Raises OSError for one that may not be read."""
    return tuple(
        parse_crontab(path.read_bytes(), file=str(path), format=group.format) for path in group.files
    )


def check(groups: Sequence[Group], checker: Checker) -> list[Problem]:
    """What the linter says of the groups, file by file."""
    return [
        problem
        for group in groups
        for problem in checker.problems(group, parsed(group), checker.facts(group.box))
    ]
