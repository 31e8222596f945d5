"""How a box's image is built: a chain of small builds, each starting from the one before.

    base        Dockerfile.base, with the agent            (shared by all boxes, cached by the engine)
    additions   apt packages, users, pip requirements      (generated)
    own         the user's Dockerfile, in its own folder   (starts `ARG CRONBOX_BASE`, `FROM ${CRONBOX_BASE}`)
    seal        whatever came before, PID 1 is the agent   (generated, carries the labels and the tag)

Everything in the generated steps is in exec form, and names go through a strict pattern first, so nothing
that a person wrote is ever read by a shell.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.api import APIClient

from cronbox.engine import Progress
from cronbox.engine.docker_errors import translated
from cronbox.errors import EngineError
from cronbox.model.box import Recipe

File = tuple[str, int, bytes]
"""Path in the build context, mode, content."""

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?")
"""A Debian package (Debian Policy 5.6.1), optionally `=version`. No dash at its end: apt would remove it."""

USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
"""A name that Debian's useradd takes."""

LAUNCHER = "launcher.py"

COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

FROM_BEFORE = "ARG CRONBOX_BASE\nFROM ${CRONBOX_BASE}\n"

APT_INSTALL = (
    "export DEBIAN_FRONTEND=noninteractive; apt-get update -q -o Acquire::Retries=5"
    ' && apt-get install -q -y -o Acquire::Retries=5 --no-install-recommends "$@"'
    " && rm -rf /var/lib/apt/lists/*"
)
ADD_USERS = (
    'for name; do id -u "$name" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh "$name"; done'
)

SEAL = """\
USER root
WORKDIR /
HEALTHCHECK NONE
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/python3", "-IS", "/usr/lib/cronbox", "serve"]
CMD []
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One build of the chain. `argument` is the build argument that names the image to start from."""

    title: str
    files: tuple[File, ...]
    argument: str = "CRONBOX_BASE"
    dockerfile: str = "Dockerfile"
    tag: str | None = None
    """A name to keep the result by, so that it outlives the images made from it."""

    def context(self) -> io.BytesIO:
        """The build context as a tar, equal bytes for equal files."""
        spool = io.BytesIO()
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, mode, content in sorted(self.files):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), mode
                tar.addfile(entry, io.BytesIO(content))
        spool.seek(0)
        return spool


def steps(recipe: Recipe) -> list[Step]:
    """The builds that make the recipe's image, in order. Raises EngineError for a name that is none."""
    chain = [Step("base image", _base_files(recipe), argument="BASE_IMAGE", tag=base_tag(recipe.base_image))]
    if additions := _additions(recipe):
        requirements: tuple[File, ...] = (("requirements.txt", 0o644, recipe.pip or b""),)
        chain.append(Step("packages and users", (_dockerfile(additions), *requirements)))
    if recipe.dockerfile is not None:
        chain.append(Step(f"own {recipe.dockerfile}", recipe.context, dockerfile=recipe.dockerfile))
    return [*chain, Step("entry point", (_dockerfile(SEAL),))]


def base_tag(base_image: str) -> str:
    """What the base made of `base_image` is called.

    A later base takes the name over, and the earlier one goes with the last release made from it.
    """
    return "cronbox/base:" + re.sub(r"[^A-Za-z0-9.-]+", "-", base_image).lstrip(".-")[-128:]


def _base_files(recipe: Recipe) -> tuple[File, ...]:
    """The agent becomes the package `agent`; its launcher, also the folder's `__main__` (docs/agent.md)."""
    places = [(f"cronbox/agent/{name}", content) for name, content in recipe.agent]
    places += [("cronbox/__main__.py", content) for name, content in recipe.agent if name == LAUNCHER]
    agent = tuple((place, 0o644, content) for place, content in places)
    return (("Dockerfile", 0o644, recipe.base_dockerfile), *agent)


def _dockerfile(instructions: str) -> File:
    return ("Dockerfile", 0o644, (FROM_BEFORE + instructions).encode())


def _additions(recipe: Recipe) -> str:
    lines: list[str] = []
    packages = _checked(recipe.apt, PACKAGE, "Debian package")
    if packages:
        lines.append(_run("sh", "-c", APT_INSTALL, "apt", *packages))
    users = _checked(recipe.users, USER, "user")
    if users:
        lines.append(_run("sh", "-c", ADD_USERS, "users", *users))
    if recipe.pip is not None:
        lines += _pip_lines()
    return "".join(f"{line}\n" for line in lines)


def _pip_lines() -> list[str]:
    """A virtual environment that also sees Debian's Python packages, first on PATH."""
    pip = ["/opt/venv/bin/pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    return [
        _run("sh", "-c", APT_INSTALL, "apt", "python3-venv"),
        _run("/usr/bin/python3", "-m", "venv", "--system-site-packages", "/opt/venv"),
        "ENV PATH=/opt/venv/bin:$PATH",
        "COPY requirements.txt /opt/venv/requirements.txt",
        _run(*pip, "--requirement", "/opt/venv/requirements.txt"),
    ]


def _run(*argv: str) -> str:
    return f"RUN {json.dumps(argv)}"


def _checked(names: Iterable[str], pattern: re.Pattern[str], what: str) -> list[str]:
    for name in names:
        if not pattern.fullmatch(name):
            raise EngineError(f"{name!r} is not the name of a {what}")
    return list(names)


class Build:
    """Runs a chain of steps on an engine, for one box."""

    SILENCE_SECONDS = 3600
    """A step that prints nothing for so long (a compiler, a slow mirror) counts as hung."""

    NOISE = (" --->", "Removing intermediate container")
    """Lines that tell only the ids of intermediate images."""

    def __init__(self, api: APIClient, box: str, progress: Progress) -> None:
        self._api = api
        self._box = box
        self._progress = progress

    def run(self, chain: Sequence[Step], *, tag: str, labels: Mapping[str, str], base: str) -> str:
        """Build each step on the one before, from `base`; the last gets tag and labels -> its image id."""
        image = base
        for number, step in enumerate(chain, start=1):
            self._progress(f"[{number}/{len(chain)}] {step.title}")
            naming: dict[str, Any] = {"tag": step.tag}
            if number == len(chain):
                naming = {"tag": tag, "labels": dict(labels)}
            image = self._step(step, image, naming)
        return image

    def _step(self, step: Step, base: str, naming: dict[str, Any]) -> str:
        lines, image, error = Lines(), "", ""
        with translated(f"cannot build box {self._box}"):
            messages = self._api.build(
                fileobj=step.context(),
                custom_context=True,
                dockerfile=step.dockerfile,
                buildargs={step.argument: base},
                decode=True,
                rm=True,
                forcerm=True,
                timeout=self.SILENCE_SECONDS,
                **naming,
            )
            for message in messages:
                error = str(message.get("error", error))
                image = message.get("aux", {}).get("ID", image)
                for line in lines.feed(message.get("stream", "")):
                    if not line.startswith(self.NOISE):
                        self._progress(line)
        if error:
            raise self._failed(step, error, lines)
        return image

    def _failed(self, step: Step, error: str, lines: Lines) -> EngineError:
        reason = " ".join(error.split())
        return EngineError(f"cannot build box {self._box}: {step.title}: {reason}", problems=lines.last)


class Lines:
    """Puts a build's output, which comes in pieces, back together into lines. Keeps the last ones."""

    KEPT = 15

    def __init__(self) -> None:
        self._partial = ""
        self.last: list[str] = []

    def feed(self, text: str) -> Iterator[str]:
        """The lines that `text` completes, without blank ones. Of a line redrawn with CR, its last state."""
        *whole, self._partial = (self._partial + text).split("\n")
        for line in whole:
            shown = COLOUR.sub("", line).rstrip().rsplit("\r", 1)[-1]
            if shown:
                self.last = [*self.last, shown][-self.KEPT :]
                yield shown
