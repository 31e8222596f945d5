"""Boxes on a Docker Engine, reached by local socket, TCP with TLS, or ssh."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from docker.api import APIClient
from docker.errors import APIError
from docker.errors import NotFound as NotFoundByEngine

from cronbox.engine import (
    LABEL_BOX,
    LABEL_PROJECT,
    LABEL_RECIPE,
    LABEL_RELEASE,
    EngineEvent,
    EngineInfo,
    ExecResult,
    Image,
    Progress,
    Size,
    Stream,
)
from cronbox.engine.docker_archive import log_files
from cronbox.engine.docker_build import Build, steps
from cronbox.engine.docker_connect import open_client
from cronbox.engine.docker_container import (
    STOP_SLACK,
    container_labels,
    environment,
    host_config,
    labels,
    reduced,
    seen_box,
    volumes,
)
from cronbox.engine.docker_errors import translated
from cronbox.engine.docker_events import DockerEvents
from cronbox.engine.docker_exec import Exec, ExecStream
from cronbox.engine.docker_pull import pull
from cronbox.engine.docker_terminal import attach_terminal
from cronbox.errors import NotFound
from cronbox.model.box import BoxSpec, Recipe, SeenBox

CONFLICT = 409


class DockerEngine:
    """The Engine of cronbox/engine/__init__.py on Docker. One client, shared by all threads."""

    def __init__(self, api: APIClient) -> None:
        self._api = api

    @classmethod
    def connect(cls, url: str | None) -> DockerEngine:
        """The engine at `url` (unix://, tcp://, ssh://); None for the one the docker command would use.

        Raises NoEngine when it does not answer.
        """
        where = url or os.environ.get("DOCKER_HOST") or "Docker"
        with translated(f"cannot reach {where}"):
            return cls(open_client(url))

    def close(self) -> None:
        """Close the idle connections."""
        self._api.close()

    def info(self) -> EngineInfo:
        with translated("cannot ask the engine about itself"):
            info = self._api.info()
        return EngineInfo(
            version=info["ServerVersion"],
            os=info["OperatingSystem"],
            cpus=info["NCPU"],
            memory=info["MemTotal"],
            now=_moment(info["SystemTime"]) if info.get("SystemTime") else None,
            root=info.get("DockerRootDir"),
        )

    def ensure_image(self, reference: str, progress: Progress) -> str:
        found = self._image_id(reference)
        if found is not None:
            return found
        reason = pull(self._api, reference, progress)
        found = self._image_id(reference)
        if found is None:
            raise NotFound(
                f"cannot get image {reference}: {reason}",
                hint="check its name (base_image in config.toml), or load it into the engine by hand",
            )
        return found

    def _image_id(self, reference: str) -> str | None:
        try:
            with translated(f"cannot look at image {reference}"):
                found: dict[str, Any] = self._api.inspect_image(reference)  # type: ignore[no-untyped-call]
                return str(found["Id"])
        except NotFound:
            return None

    def build(self, recipe: Recipe, *, project: str, box: str, release: int, progress: Progress) -> Image:
        own = {LABEL_RELEASE: str(release), LABEL_RECIPE: recipe.digest}
        built = Build(self._api, box, progress).run(
            steps(recipe),
            base=recipe.base_image,
            tag=image_tag(project, box, release),
            labels=labels(project, box) | own,
        )
        return next(image for image in self.images(project, box) if image.id == built)

    def images(self, project: str, box: str | None = None) -> list[Image]:
        with translated("cannot list images"):
            listed = self._api.images(filters={"label": _label_filter(project, box)})
        found = [image for entry in listed if (image := _image(entry, project))]
        return sorted(found, key=lambda image: (-image.release, image.box))

    def remove_image(self, image: Image) -> None:
        """Remove a release; removing what is gone does nothing. EngineError while a container uses it."""
        try:
            with translated(f"cannot remove image {image.tag}"):
                self._api.remove_image(image.tag)
        except NotFound:
            return

    def boxes(self, project: str) -> list[SeenBox]:
        with translated("cannot list containers"):
            listed = self._api.containers(
                all=True, filters={"label": [f"{LABEL_PROJECT}={project}", LABEL_BOX]}
            )
        seen = [box for entry in listed if (box := self._look(entry["Id"]))]
        return sorted(seen, key=lambda box: box.box)

    def inspect(self, container: str) -> dict[str, Any]:
        with translated(f"cannot look at container {container[:12]}"):
            return reduced(self._api.inspect_container(container))

    def sizes(self, project: str) -> dict[str, Size]:
        with translated("cannot measure containers"):
            listed = self._api.containers(
                all=True, size=True, filters={"label": [f"{LABEL_PROJECT}={project}", LABEL_BOX]}
            )
        return {entry["Labels"][LABEL_BOX]: _size(entry) for entry in listed}

    def _look(self, container: str) -> SeenBox | None:
        """The box as it is now; None if it went away meanwhile."""
        try:
            with translated("cannot look at a container"):
                return seen_box(self._api.inspect_container(container))
        except NotFound:
            return None

    def create(self, spec: BoxSpec) -> str:
        with translated(f"cannot create box {spec.box}"):
            for name in volumes(spec.project, spec.box):
                self._api.create_volume(name, labels=labels(spec.project, spec.box))
            created = self._api.create_container(
                spec.image,
                name=spec.name,
                hostname=spec.box,
                environment=environment(spec),
                labels=container_labels(spec),
                stop_timeout=spec.stop_grace + STOP_SLACK,
                host_config=self._api.create_host_config(**host_config(spec)),
            )
        return str(created["Id"])

    def start(self, container: str) -> None:
        with translated("cannot start the box"):
            self._api.start(container)

    def stop(self, container: str, *, timeout: int) -> None:
        with translated("cannot stop the box"):
            self._api.stop(container, timeout=timeout)

    def remove(self, container: str) -> None:
        """Nameless volumes go with the container; the box's own stay."""
        with translated("cannot remove the container"):
            try:
                self._api.remove_container(container, force=True, v=True)
            except NotFoundByEngine:
                return
            except APIError as error:
                # Somebody else is removing it at this moment: the result is the same.
                if error.status_code != CONFLICT:
                    raise
                self._until_removed(container)

    def _until_removed(self, container: str) -> None:
        try:
            self._api.wait(container, condition="removed")
        except NotFoundByEngine:
            return

    def remove_volumes(self, project: str, box: str) -> None:
        with translated(f"cannot remove the volumes of box {box}"):
            found = self._api.volumes(filters={"label": _label_filter(project, box)})
            for volume in found["Volumes"] or ():
                self._api.remove_volume(volume["Name"])

    def exec(
        self, container: str, argv: Sequence[str], *, stdin: bytes = b"", user: str = "root"
    ) -> ExecResult:
        with Exec(self._api, container, argv, user=user) as running:
            return running.communicate(stdin)

    def stream(self, container: str, argv: Sequence[str]) -> Stream[bytes]:
        return ExecStream(Exec(self._api, container, argv))

    def read_log(self, container: str) -> Iterator[tuple[str, bytes]]:
        return log_files(self._api, container)

    def events(self, project: str) -> Stream[EngineEvent]:
        return DockerEvents(self._api, project)

    def interactive(
        self, container: str, argv: Sequence[str], *, user: str = "root", tty: bool = False
    ) -> int:
        with Exec(self._api, container, argv, user=user, tty=tty) as running:
            return attach_terminal(running)


def image_tag(project: str, box: str, release: int) -> str:
    """The name a release goes by."""
    return f"cronbox/{project}-{box}:{release}"


def _label_filter(project: str, box: str | None) -> list[str]:
    return [f"{LABEL_PROJECT}={project}", f"{LABEL_BOX}={box}" if box else LABEL_BOX]


def _image(entry: dict[str, Any], project: str) -> Image | None:
    """An image that carries its own tag; None for one whose tag has moved on to a newer build, and for
    a layer of a release that was removed."""
    own = entry["Labels"]
    if LABEL_RELEASE not in own:
        return None
    box, release = own[LABEL_BOX], int(own[LABEL_RELEASE])
    tag = image_tag(project, box, release)
    if tag not in (entry["RepoTags"] or ()):
        return None
    created = datetime.fromtimestamp(entry["Created"], UTC)
    return Image(entry["Id"], box, release, own[LABEL_RECIPE], tag, entry["Size"], created)


def _moment(text: str) -> datetime:
    """The engine's RFC 3339, which has nanoseconds, as aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _size(entry: dict[str, Any]) -> Size:
    """The engine leaves a size out where it is zero, and counts the image in with what was written."""
    written = entry.get("SizeRw", 0)
    return Size(written, entry.get("SizeRootFs", written) - written)
