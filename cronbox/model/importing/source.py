"""What is imported, and how the person wants it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cronbox.model.importing.documents import Unreadable
from cronbox.model.importing.draft import Notes, Place

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
ROOT = "root"


class Format(StrEnum):
    """What kinds of sources there are."""

    CRONTAB = "crontab"
    """A user's, as `crontab -l` prints it."""
    CRON_D = "cron.d"
    """`/etc/crontab` and files like those in `/etc/cron.d`, with a user before the command."""
    OFELIA = "ofelia"
    """Its INI file, or its labels in a Compose file or in what `docker inspect` prints."""
    KUBERNETES = "kubernetes"
    """Manifests with CronJobs."""
    SUPERCRONIC = "supercronic"


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read. `box` is the name for a box whose source gives none."""

    file: str
    data: bytes
    box: str
    folder: str = "/"
    """The folder it stands in, as an absolute path; what it names relatively is meant from there."""
    detected: bool = False
    """Whether its format was found out, and not named by the person."""
    found: bool = False
    """Whether it was found in a folder, and not named by the person."""

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")

    @property
    def utf8(self) -> str:
        """The text of a file that has to be UTF-8. Raises Unreadable."""
        try:
            return self.data.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise Unreadable("this is not UTF-8", line) from None

    @property
    def place(self) -> Place:
        return Place(self.file)


@dataclass(frozen=True, slots=True)
class Options:
    """`user` runs the jobs whose source names nobody; `users` are those of every image; `zones` all zones."""

    user: str | None = None
    users: frozenset[str] = frozenset({ROOT})
    zones: frozenset[str] = frozenset({"UTC"})


def default_user(source: Source, options: Options, notes: Notes) -> str:
    """Who runs jobs that name nobody, told once for a source."""
    if options.user:
        return options.user
    notes.check(source.place, "it names no user, so its jobs run as root", "name one with --user")
    return ROOT


def made_users(named: Iterable[tuple[str, Place]], options: Options, notes: Notes) -> tuple[str, ...]:
    """The users that a box must make, of those that its entries name; each is told once."""
    made: dict[str, None] = {}
    for user, place in named:
        if user not in options.users and _USER.fullmatch(user) and user not in made:
            made[user] = None
            notes.check(
                place,
                f"the user {user} is made in the image, with an id of its own",
                "see who owns the files that its jobs read and write",
            )
    return tuple(made)


def known_zone(zone: str | None, place: Place, options: Options, notes: Notes) -> str | None:
    """The time zone for a box, or None where there is none of that name; that is told."""
    if zone is None or zone in options.zones:
        return zone
    notes.left_out(
        place, f"there is no time zone {zone!r}, so the schedule is in UTC", "set `timezone` of the box"
    )
    return None
