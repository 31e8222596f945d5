"""Names of jobs: the one a directive gives, or one made of the command, stable while the command is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

LONGEST = 64

_WRAPPERS = frozenset(
    {
        *("bash", "cd", "chronic", "chrt", "command", "dash", "doas", "do", "env", "eval", "exec"),
        *("flock", "if", "ionice", "lockfile-create", "lockrun", "nice", "node", "nohup", "perl"),
        *("php", "python", "python3", "ruby", "run-one", "setlock", "setsid", "sh", "softlimit"),
        *("ssh", "stdbuf", "sudo", "then", "time", "timeout", "zsh", "test", "[", "!", "{", "("),
    }
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_WORD = re.compile(r"""[^\s;&|<>"'(){}`]+""")
_CONTROL = re.compile(r"&&|\|\||[;&|]")
_EXTENSION = re.compile(r"\.(?:py|sh|bash|pl|php|rb|js|ts|jar|r)\Z", re.IGNORECASE)
_OTHER = re.compile(r"[^a-z0-9.]+")
_PYTHON = re.compile(r"python[0-9.]+")
_LETTER = re.compile(r"[A-Za-z0-9]")
_NUMBER = re.compile(r"[0-9.:]+[smhd]?\Z")


def slug(command: str) -> str:
    """`load-orders` for `cd /srv && python3 /scripts/load_orders.py`: the first word that names the work."""
    for part in _CONTROL.split(command[:1000]):
        words = _WORD.findall(part)
        if words and words[0] in ("cd", "test", "[", "umask", "export", "."):
            continue
        for index, word in enumerate(words):
            if _names_the_work(word, words[index - 1] if index else ""):
                return _clean(word)
    return "job"


def _names_the_work(word: str, before: str) -> bool:
    if word.startswith(("-", "$", ">", "%")) or _ASSIGNMENT.match(word) or _NUMBER.match(word):
        return False
    name = _basename(word)
    if before == "-m":
        return True
    if before == "-c" or name in _WRAPPERS or _PYTHON.fullmatch(name):
        return False
    return _LETTER.search(name) is not None


def _basename(word: str) -> str:
    return word.rstrip("/").rsplit("/", 1)[-1]


def _clean(word: str) -> str:
    name = _EXTENSION.sub("", _basename(word))
    name = _OTHER.sub("-", name.lower()).strip("-.")
    return name[:48].strip("-.") or "job"


def unique_names(wanted: Sequence[tuple[str | None, str]]) -> list[str]:
    """A name for each (given name or None, command), no two equal, whatever the order of different commands.

    A made name that several commands or a given name would share gets a suffix from its command's hash;
    equal commands are counted.
    """
    given = {name for name, _ in wanted if name is not None}
    commands: dict[str, set[str]] = {}
    for name, command in wanted:
        if name is None:
            commands.setdefault(slug(command), set()).add(command)
    counts: dict[str, int] = {}
    taken: set[str] = set()
    return [_free(_base(name, command, given, commands), taken, counts) for name, command in wanted]


def _base(name: str | None, command: str, given: set[str], commands: dict[str, set[str]]) -> str:
    if name is not None:
        return name
    made = slug(command)
    if made not in given and len(commands[made]) == 1:
        return made
    digest = hashlib.sha256(command.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{made}-{digest[:6]}"


def _free(name: str, taken: set[str], counts: dict[str, int]) -> str:
    """`counts` remembers how often a name was wanted, so that no count begins at one again."""
    count, free = counts.get(name, 1), name
    while free in taken:
        count += 1
        suffix = f"-{count}"
        free = name[: LONGEST - len(suffix)] + suffix
    counts[name] = count
    taken.add(free)
    return free
