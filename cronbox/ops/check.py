"""Check crontabs: those of the project's boxes, and any file or folder with or without a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cronbox.errors import NotFound
from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.lint import EVERY_RULE, BoxFacts, Problem, Selection, fix, lint_box
from cronbox.ops.crontabs import crontab_paths, is_crontab

if TYPE_CHECKING:
    from cronbox.config import BoxConfig, Config

DEBIAN_USERS = frozenset(
    {
        *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy"),
        *("www-data", "backup", "list", "irc", "_apt", "nobody"),
    }
)
"""/etc/passwd of debian:bookworm-slim."""

MOST_PASSES = 10
"""One repair may make room for the next; after so many, whatever is left is left to the person."""

FactsOf = Callable[["BoxConfig"], BoxFacts]
"""What is known of a box; its users are None if the engine cannot tell."""


@dataclass(frozen=True, slots=True)
class Group:
    """Crontab files that are one box's, or could be: those of one folder. `box` is None for no box's."""

    files: tuple[Path, ...]
    box: BoxConfig | None


@dataclass(frozen=True, slots=True)
class Checker:
    """How to check: what is known of boxes, who is there beside, and which rules to apply."""

    facts_of: FactsOf
    more_users: frozenset[str] = frozenset()
    selection: Selection = EVERY_RULE

    def problems(self, group: Group, crontabs: Sequence[Crontab], facts: BoxFacts) -> list[Problem]:
        """What the linter says of the files of a group."""
        zone = group.box.zone if group.box else None
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


@dataclass(frozen=True, slots=True)
class Repair:
    """A file as it was and as it would be with its safe fixes."""

    path: Path
    before: bytes
    after: bytes


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
        raise NotFound(f"no file or folder {path}", hint="name a crontab file, or a folder of them")


def _shown(path: Path) -> Path:
    """A path as a person in the working directory would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _box_of(config: Config | None, folder: Path) -> BoxConfig | None:
    """The box whose folder it is."""
    boxes = config.boxes.values() if config else ()
    return next((box for box in boxes if box.crontabs == folder.resolve()), None)


def parsed(group: Group) -> tuple[Crontab, ...]:
    return tuple(parse_crontab(path.read_bytes(), file=str(path)) for path in group.files)


def check(groups: Sequence[Group], checker: Checker) -> list[Problem]:
    """What the linter says of the groups, file by file."""
    return [
        problem
        for group in groups
        for problem in checker.problems(group, parsed(group), checker.facts(group.box))
    ]


def repair(groups: Sequence[Group], checker: Checker) -> tuple[list[Repair], list[Problem]]:
    """Every safe fix of the chosen rules, in memory -> files that change, and the problems then left."""
    repairs: list[Repair] = []
    problems: list[Problem] = []
    for group in groups:
        before = parsed(group)
        after, left = _repaired(group, before, checker)
        problems += left
        for path, old, new in zip(group.files, before, after, strict=True):
            if (was := old.render()) != (now := new.render()):
                repairs.append(Repair(path, was, now))
    return repairs, problems


def _repaired(
    group: Group, crontabs: tuple[Crontab, ...], checker: Checker
) -> tuple[tuple[Crontab, ...], list[Problem]]:
    """Fix and look again until there is nothing left to fix."""
    facts = checker.facts(group.box)
    problems = checker.problems(group, crontabs, facts)
    for _ in range(MOST_PASSES):
        if not any(problem.fixes for problem in problems):
            break
        crontabs = tuple(_fixed(crontab, problems) for crontab in crontabs)
        problems = checker.problems(group, crontabs, facts)
    return crontabs, problems


def _fixed(crontab: Crontab, problems: Sequence[Problem]) -> Crontab:
    own = [problem for problem in problems if problem.file == crontab.file]
    return parse_crontab(fix(crontab.render(), own), file=crontab.file, format=crontab.format)
