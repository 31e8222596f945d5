"""What the linter's rules are told of a box: its users and programs, the files it will see, its history.

Whatever cannot be known for certain is left open, and the rules that need it keep silent.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from cronbox.config import BoxConfig, Config
from cronbox.engine import Engine
from cronbox.errors import CronboxError
from cronbox.model.lint import BoxFacts, MountedFolder
from cronbox.model.lint.context import DEFAULT_PATH
from cronbox.model.run import Status
from cronbox.ops import Site
from cronbox.ops.inside import box_inside

SURVEY = f"""
cat /etc/passwd && echo && echo "$PATH" && folders="$PATH:{DEFAULT_PATH}" && IFS=:
for folder in $folders; do
  echo "$folder" && for file in "$folder"/*; do [ ! -f "$file" ] || [ ! -x "$file" ] || echo "$file"; done
done
"""
"""Users, an empty line, PATH, and each folder of programs with its programs."""
MOST_FILES = 20_000
"""A mounted folder with more is not looked through to the end, and so not known."""
RUNS_TO_JUDGE_BY = 5
LATEST_RUNS = 500


def facts_of(engine: Engine, container: str) -> BoxFacts:
    """Users, PATH and programs of a running box, in one exec. Raises CronboxError if it does not even say
    its users."""
    said = engine.exec(container, ["sh", "-c", SURVEY])
    if said.exit_code == 0:
        return _surveyed(said.stdout.decode(errors="surrogateescape"))
    passwd = engine.exec(container, ["cat", "/etc/passwd"])
    return BoxFacts(users=_users(passwd.stdout.decode(errors="surrogateescape")))


def _surveyed(text: str) -> BoxFacts:
    passwd, _, rest = text.partition("\n\n")
    path, _, found = rest.partition("\n")
    return BoxFacts(
        users=_users(passwd),
        path=path,
        programs=frozenset(found.splitlines()),
        searched=frozenset(f"{path}:{DEFAULT_PATH}".split(":")),
    )


def _users(passwd: str) -> frozenset[str]:
    return frozenset(line.split(":", 1)[0] for line in passwd.splitlines() if line)


def facts_of_box(site: Site, box: BoxConfig) -> BoxFacts:
    """All that can be known of a box of the project now. Never fails: without an engine it knows less."""
    try:
        inside = facts_of(site.engine, box_inside(site, box.name).container)
        history = typical_seconds(site, box.name)
    except CronboxError:
        inside, history = BoxFacts(), {}
    return replace(inside, mounts=mounted_folders(site.config, box), typical_seconds=history)


def typical_seconds(site: Site, box: str) -> dict[str, float]:
    """The median of what each job's latest successful runs took, for jobs that have had several."""
    from cronbox.store import RunFilter

    durations: dict[str, list[float]] = defaultdict(list)
    for run in site.store.runs(RunFilter(box=box, status=Status.SUCCEEDED, limit=LATEST_RUNS)):
        if run.duration_s is not None:
            durations[run.job].append(run.duration_s)
    return {job: median(took) for job, took in durations.items() if len(took) >= RUNS_TO_JUDGE_BY}


def mounted_folders(config: Config, box: BoxConfig) -> tuple[MountedFolder, ...]:
    """The host folders that the box sees read-only, where the engine is on this host.

    What a job can write to may hold at its start what is not there now, and what another mount covers is not
    seen, so neither is known.
    """
    if not engine_is_here(config):
        return ()
    section = box.section
    scripts = [(section.scripts, "/scripts", True)] if section.scripts else []
    mounts = scripts + [
        (mount.source, mount.target, mount.read_only and "/" in mount.source) for mount in section.mounts
    ]
    found = (
        _mounted(box.path(source), target)
        for source, target, is_known in mounts
        if is_known and not _is_covered(target, mounts)
    )
    return tuple(folder for folder in found if folder is not None)


def _is_covered(target: str, mounts: Sequence[tuple[str, str, bool]]) -> bool:
    """Whether another mount lies in it."""
    return any(other.startswith(f"{target.rstrip('/')}/") for _, other, _ in mounts)


def engine_is_here(config: Config) -> bool:
    """Whether the engine surely sees this host's folders: a socket, and no context that names another."""
    address = config.file.cronbox.docker_url or os.environ.get("DOCKER_HOST")
    if address:
        return address.startswith("unix://")
    settings = Path.home() / ".docker" / "config.json"
    named = settings.is_file() and "currentContext" in settings.read_text(errors="replace")
    return not (named or os.environ.get("DOCKER_CONTEXT"))


def _mounted(source: Path, target: str) -> MountedFolder | None:
    """What a container sees of a folder; None where that is not plain: links, too many files, no access."""
    files: set[str] = set()
    executable: set[str] = set()
    try:
        for path in _walk(source):
            if path.is_symlink() or len(files) >= MOST_FILES:
                return None
            inside = f"{target.rstrip('/')}/{path.relative_to(source)}"
            files.add(inside)
            if path.stat().st_mode & 0o111:
                executable.add(inside)
    except OSError:
        return None
    return MountedFolder(target, frozenset(files), frozenset(executable)) if files else None


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder; a link is not followed. Raises OSError for a folder that may not be read."""

    def refuse(error: OSError) -> None:
        raise error

    for name, folders, files in os.walk(folder, onerror=refuse):
        yield from (Path(name, entry) for entry in (*folders, *files))
