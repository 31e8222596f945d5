"""A box as it is wanted and as it is seen. Values only; `plan` compares them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mount:
    """A host folder or a named volume (`kind`) at `target` in the box."""

    source: str
    target: str
    read_only: bool = False
    kind: Literal["bind", "volume"] = "bind"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that goes into a box's image. File contents, not paths, so that equal recipes are equal values."""

    base_image: str
    base_dockerfile: bytes
    agent: tuple[tuple[str, bytes], ...]
    apt: tuple[str, ...] = ()
    pip: bytes | None = None
    users: tuple[str, ...] = ()
    """Accounts made in the image, each with a home; one that exists already is left as it is."""
    dockerfile: str | None = None
    context: tuple[tuple[str, int, bytes], ...] = ()
    """Own dockerfile's folder: (relative path, mode, content); `dockerfile` is the name in it."""

    @property
    def digest(self) -> str:
        """64 hex digits; equal digests make equal images."""
        sha = hashlib.sha256()
        for part in self._parts():
            sha.update(len(part).to_bytes(8, "big") + part)
        return sha.hexdigest()

    def _parts(self) -> list[bytes]:
        head = [self.base_image.encode(), self.base_dockerfile, (self.dockerfile or "").encode()]
        files = [piece for name, body in self.agent for piece in (name.encode(), body)]
        packages = [b"apt", *(name.encode() for name in self.apt), b"pip", self.pip or b"-"]
        packages += [b"users", *(name.encode() for name in self.users)]
        context = [p for name, mode, body in self.context for p in (name.encode(), b"%o" % mode, body)]
        return [*head, *files, *packages, *context]


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """The container a box should be. Sizes are bytes, `stop_grace` and times seconds."""

    project: str
    box: str
    image: str
    """Image id (`sha256:…`) of the release to run."""
    release: int
    timezone: str
    mounts: tuple[Mount, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    stop_grace: int = 30
    read_only: bool = False

    @property
    def name(self) -> str:
        """The container's name."""
        return f"{self.project}-{self.box}"

    @property
    def digest(self) -> str:
        """64 hex digits over the whole wanted state; a label on the container. Equal means nothing to do."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SeenBox:
    """A container of this project as the engine shows it."""

    box: str
    container: str
    """Container id."""
    state: Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]
    digest: str
    release: int
    image: str
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: str | None = None

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def half_removed(self) -> bool:
        """Whether its removal began and came to no end, as when the engine dies: nothing of it can be read or
        started any more. Its volumes, and so its log, are whole."""
        return self.state == "dead"

    @property
    def frozen(self) -> bool:
        """Whether the engine has paused it: nothing goes on in it, and nothing is over."""
        return self.state == "paused"
