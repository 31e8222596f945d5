"""The files of an imported project, as text, with nothing in them that is an error to `cronbox check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cronbox.model.crontab import Crontab, parse_crontab
from cronbox.model.durations import format_size
from cronbox.model.importing.draft import (
    BoxDraft,
    CrontabDraft,
    Draft,
    Finding,
    Job,
    Kind,
    LeftOut,
    MountDraft,
    Part,
    Place,
    Text,
)
from cronbox.model.lint import BoxFacts, Problem, Severity, lint_box

CONFIG = "config.toml"
MOST_LINES = 10_000
"""cron reads no entry that stands further down in a file."""
_WIDEST_COMMENT = 2000


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the project, by its path from the top. A secret one is for its owner alone."""

    path: str
    text: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """All files of an imported project, and all there is to tell."""

    files: tuple[WrittenFile, ...]
    findings: tuple[Finding, ...]
    jobs: tuple[Place, ...]
    """Where each entry that is written comes from."""


def project_files(draft: Draft, *, users: frozenset[str], present: frozenset[str]) -> ProjectFiles:
    """What to write. `users` are those of every image; `present` the mounts' sources that are there.

    An entry or a line that the linter has an error for is written as a comment, and told. A box without a
    job is not written, unless there is no other.
    """
    findings = list(draft.findings)
    settled = tuple(_settled(box, users, findings) for box in draft.boxes)
    boxes = tuple(box for box in settled if any(_jobs(box))) or settled
    config = "\n".join(_config_lines(boxes, present, findings)) + "\n"
    files = [WrittenFile(CONFIG, config)]
    for box in boxes:
        files += _files(box)
    jobs = tuple(place for box in boxes for place in _jobs(box))
    return ProjectFiles(tuple(files), tuple(_in_order(findings)), jobs)


def _jobs(box: BoxDraft) -> Iterator[Place]:
    return (part.place for crontab in box.crontabs for part in crontab.parts if isinstance(part, Job))


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """As things stand in the sources: files in their order, each from the top."""
    found = list(findings)
    order = {file: index for index, file in enumerate(dict.fromkeys(each.place.file for each in found))}
    return sorted(found, key=lambda finding: (order[finding.place.file], finding.place.line or 0))


def _files(box: BoxDraft) -> Iterator[WrittenFile]:
    for crontab in box.crontabs:
        yield WrittenFile(f"crontabs/{box.name}/{crontab.name}", _render(crontab.parts))
    for name, text in box.scripts:
        yield WrittenFile(f"scripts/{box.name}/{name}", text)
    if box.settings.env_file:
        yield WrittenFile(
            f"{box.name}.env", "".join(f"{line}\n" for line in box.settings.env_file), secret=True
        )


# ---------------------------------------------------------------------------------------- crontabs


def _lines(part: Part) -> list[str]:
    match part:
        case Text():
            return [part.text]
        case Job():
            return [*part.directives, part.line]
        case LeftOut():
            return [
                f"# not imported: {_harmless(part.reason)}",
                *(f"#   {_harmless(line)}" for line in part.lines),
            ]


def _harmless(text: str) -> str:
    """Text that may stand in a comment: no control characters, not without end."""
    shown = "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
    return shown if len(shown) <= _WIDEST_COMMENT else f"{shown[:_WIDEST_COMMENT]}…"


def _render(parts: Iterable[Part]) -> str:
    return "".join(f"{line}\n" for part in parts for line in _lines(part))


def _settled(box: BoxDraft, users: frozenset[str], findings: list[Finding]) -> BoxDraft:
    """The box with every part left out that the linter has an error for; those are told."""
    known = users | frozenset(box.users)
    while True:
        errors = _errors(box, known)
        if not errors:
            return box
        crontabs = tuple(_without(crontab, errors, findings) for crontab in box.crontabs)
        if crontabs == box.crontabs:
            raise AssertionError(f"an error that belongs to no line: {errors[0]}")
        box = replace(box, crontabs=crontabs)


def _errors(box: BoxDraft, users: frozenset[str]) -> list[Problem]:
    crontabs = [_read(crontab) for crontab in box.crontabs]
    problems = lint_box(crontabs, facts=BoxFacts(users=users))
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def _read(crontab: CrontabDraft) -> Crontab:
    data = _render(crontab.parts).encode("utf-8", "surrogateescape")
    return parse_crontab(data, file=crontab.name)


def _without(crontab: CrontabDraft, errors: Sequence[Problem], findings: list[Finding]) -> CrontabDraft:
    own = {problem.line: problem for problem in reversed(errors) if problem.file == crontab.name}
    too_many = next((problem for problem in own.values() if problem.code == "CB106"), None)
    parts: list[Part] = []
    number = 0
    for part in crontab.parts:
        lines = _lines(part)
        wrong = [own[line] for line in range(number + 1, number + len(lines) + 1) if line in own]
        number += len(lines)
        if too_many and number > MOST_LINES and _is_counted(part):
            wrong = [too_many]
        parts.append(_left_out(part, wrong[0], findings) if wrong else part)
    return replace(crontab, parts=tuple(parts))


def _is_counted(part: Part) -> bool:
    """Whether cron has to read the part, which comments are not."""
    return isinstance(part, Job) or (isinstance(part, Text) and part.text[:1] not in ("", "#"))


def _left_out(part: Part, problem: Problem, findings: list[Finding]) -> Part:
    reason = f"{problem.code} {problem.message}"
    kind = Kind.ENTRY if isinstance(part, Job) else Kind.LEFT_OUT
    if not isinstance(part, LeftOut):
        findings.append(Finding(part.place, kind, reason, problem.hint))
    return LeftOut(part.place, reason, tuple(_lines(part)))


# -------------------------------------------------------------------------------------- config.toml


def _config_lines(
    boxes: Sequence[BoxDraft], present: frozenset[str], findings: list[Finding]
) -> Iterator[str]:
    yield "# A cronbox project, imported. Every key, with its default: docs/config.md"
    for box in boxes:
        yield ""
        yield f"[boxes.{box.name}]"
        yield from _box_lines(box)
        yield from _mount_lines(box.settings.mounts, present, findings)
        if box.settings.env:
            yield ""
            yield f"[boxes.{box.name}.env]"
            yield from (f"{_key(name)} = {_toml(value)}" for name, value in box.settings.env)


def _box_lines(box: BoxDraft) -> Iterator[str]:
    settings = box.settings
    if settings.base_image is not None:
        yield f"base_image = {_toml(settings.base_image)}"
    if box.users:
        yield f"users = [{', '.join(map(_toml, box.users))}]"
    if box.scripts:
        yield f"scripts = {_toml(f'scripts/{box.name}')}"
    if settings.env_file:
        yield f"env_file = {_toml(f'{box.name}.env')}"
    if settings.timezone is not None:
        yield f"timezone = {_toml(settings.timezone)}"
    if settings.network is not None:
        yield f"network = {_toml(settings.network)}"
    if settings.memory is not None:
        yield f"memory = {settings.memory}  # {format_size(settings.memory)}"
    if settings.cpus is not None:
        yield f"cpus = {settings.cpus!r}"
    if settings.read_only:
        yield "read_only = true"


def _mount_lines(
    mounts: Sequence[MountDraft], present: frozenset[str], findings: list[Finding]
) -> Iterator[str]:
    """One mount a line; one whose source is not on this machine as a comment, and told."""
    by_target = {mount.target: mount for mount in reversed(mounts)}
    wanted = [mount for mount in mounts if by_target[mount.target] is mount]
    for mount in mounts:
        other = by_target[mount.target]
        if other.source != mount.source:
            what = f"two mounts at {mount.target}: {mount.source} is not among them"
            findings.append(Finding(mount.place, Kind.LEFT_OUT, what, "mount it elsewhere"))
    if not wanted:
        return
    yield "mounts = ["
    for mount in wanted:
        access = ", read_only = true" if mount.read_only else ""
        line = f"{{ source = {_toml(mount.source)}, target = {_toml(mount.target)}{access} }},"
        if mount.is_volume or mount.source in present:
            yield f"    {line}"
        else:
            what = f"{mount.source} is not on this machine, so its mount is written as a comment"
            findings.append(Finding(mount.place, Kind.CHECK, what, "take the comment away where it is there"))
            yield f"    # {line}"
    yield "]"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()
    return name if bare else _toml(name)


_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _toml(text: str) -> str:
    """A basic string of TOML. A byte that is not UTF-8 becomes U+FFFD, for TOML has no other way."""
    return '"' + "".join(map(_toml_char, text)) + '"'


def _toml_char(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char
