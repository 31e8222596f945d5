"""What a command or an environment says of the machine it ran on: its scripts, its paths, its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname, normpath

from cronbox.model.importing.draft import MountDraft, Notes, Place
from cronbox.model.lint.commands import programs, scripts

_PATH = re.compile(
    r"(?<![\w.:/$}~@=-])/[\w.+@-]+(?:/[\w.+@%-]+)*/?|(?<==)/[\w.+@-]+(?:/[\w.+@%-]+)*/?", re.ASCII
)
_IMAGE = ("bin", "boot", "dev", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "tmp", "usr")
"""Top folders of which an image has its own."""
_STANDARD_PATH = frozenset(
    f"{top}{folder}" for top in ("", "/usr", "/usr/local") for folder in ("/bin", "/sbin")
)
_BROAD = frozenset(
    {"/", "/etc", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/var", "/var/lib", "/usr/local"}
)
_SECRET = re.compile(
    r"PASS(?:WORD|WD|PHRASE)?(?:_|\Z)|PWD\Z|SECRET|TOKEN|API_?KEY|(?:PRIVATE|ACCESS|ENCRYPTION|SIGNING)_?KEY"
    r"|CREDENTIAL|AUTH\Z|_DSN\Z|WEBHOOK",
    re.IGNORECASE,
)
_NOT_SECRET = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK"})
_LOGIN_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_SECRET_OPTION = re.compile(r"--?(?:password|passwd|token|secret|api-?key)(?:=|\s+)[^\s$-]", re.IGNORECASE)
_SECRET_ASSIGNMENT = re.compile(r"(?:\A|[\s;&|(])([A-Za-z_][A-Za-z0-9_]*)=[^\s$;&|]", re.ASCII)
KEEP_SECRET = "keep it out of version control: set it in the box's `env_file`, and remove it here"


def is_secret(name: str, value: str = "") -> bool:
    """Whether a variable looks like one that holds a secret."""
    named = name not in _NOT_SECRET and _SECRET.search(name) is not None
    return named or _LOGIN_IN_URL.search(value) is not None


def note_command(command: str, place: Place, notes: Notes) -> tuple[MountDraft, ...]:
    """Tell what a command needs of its old host -> the mounts that would bring its scripts along."""
    if _holds_secret(command):
        notes.check(place, "the command holds what looks like a secret", KEEP_SECRET)
    run = dict.fromkeys(word for _, word in sorted({*programs(command), *scripts(command)}))
    mounts = tuple(mount for word in run if (mount := _mount(word, place)))
    for mount in mounts:
        notes.check(place, *_about(mount))
    if parts := [word for word in _words_after(command, "run-parts") if word.startswith("/")]:
        todo = "import what stands in the old one as jobs of their own, or mount it"
        notes.check(
            place, f"run-parts runs what stands in {', '.join(parts)} of the box, not of the host", todo
        )
    covered = tuple(mount.source for mount in mounts)
    others = [
        path
        for path in _paths(command)
        if path not in run and path not in parts and not _is_under(path, covered)
    ]
    if others:
        what = f"{', '.join(others)}: on the host until now, and in the box from now on"
        notes.check(place, what, "mount the folders that it needs, in `mounts` of the box")
    return mounts


def note_variable(name: str, value: str, place: Place, notes: Notes) -> None:
    """Tell what an environment line means elsewhere, or no more."""
    if is_secret(name, value):
        notes.check(place, f"{name} looks like a secret", KEEP_SECRET)
    if name in ("MAILTO", "MAILFROM"):
        notes.left_out(
            place, f"{name}: nothing is mailed", "`cronbox runs --status failed` tells what failed"
        )
    if name == "PATH":
        strange = [folder for folder in value.split(":") if folder.rstrip("/") not in _STANDARD_PATH]
        if strange:
            what = f"PATH names {', '.join(strange)}, which the box does not have"
            notes.check(place, what, "mount them, install what they hold, or remove them")


def _holds_secret(command: str) -> bool:
    assigned = any(is_secret(found[1]) for found in _SECRET_ASSIGNMENT.finditer(command))
    return assigned or bool(_SECRET_OPTION.search(command) or _LOGIN_IN_URL.search(command))


def _mount(word: str, place: Place) -> MountDraft | None:
    """The folder of a script or program that no image has; where it is a common one, the file alone."""
    if not re.fullmatch(r"(?:/[\w.+@-]+)+", word, re.ASCII) or ".." in word:
        return None
    path = normpath(word)
    folder = dirname(path)
    if folder.startswith("/usr/local/"):
        return MountDraft(place, path, path, read_only=True)
    if path.split("/")[1] in _IMAGE or folder == "/etc/init.d":
        return None
    if folder in _BROAD:
        return MountDraft(place, path, path, read_only=True)
    return MountDraft(place, folder, folder, read_only=True)


def _about(mount: MountDraft) -> tuple[str, str]:
    what = f"it runs from {mount.source} of the host"
    return (
        what,
        "a mount for it stands in config.toml; see whether its interpreter and libraries are in the image",
    )


def _paths(command: str) -> Iterator[str]:
    """Paths that a command names and no image has, each once."""
    seen: dict[str, None] = {}
    for found in _PATH.finditer(command):
        path = found[0].rstrip("/")
        if path.split("/")[1] not in _IMAGE:
            seen.setdefault(path)
    yield from seen


def _is_under(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _words_after(command: str, program: str) -> list[str]:
    words = command.split()
    after = words[words.index(program) + 1 :] if program in words else []
    return [word.rstrip(";)}") for word in after]
