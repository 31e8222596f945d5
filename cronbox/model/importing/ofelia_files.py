"""Where ofelia's jobs stand: its INI file, the labels in a Compose file, or what `docker inspect` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cronbox.model.importing.documents import (
    Node,
    Pair,
    Table,
    Unreadable,
    as_pairs,
    as_texts,
    read_documents,
)
from cronbox.model.importing.draft import BoxDraft, BoxSettings, MountDraft, Notes, Place
from cronbox.model.importing.environment import Variable, placed
from cronbox.model.importing.gcfg import read_gcfg
from cronbox.model.importing.images import image_settings
from cronbox.model.importing.ofelia import KINDS, Container, OfeliaJob, Parameter, draft_jobs, note_global
from cronbox.model.importing.source import Options, Source
from cronbox.model.importing.volumes import bind_mount, mount

_LISTS = ("volume", "environment", "env", "volumes-from")
"""Parameters that a label may give as a JSON list."""
_PREFIX = "ofelia."
_FROM_THE_IMAGE = frozenset({"PATH", "HOSTNAME", "HOME"})


def draft_ini(source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """The boxes for an INI file of ofelia's. Raises Unreadable."""
    jobs = []
    for section in read_gcfg(source.utf8):
        place = Place(source.file, section.line, f"[{section.name} {section.sub}]".replace(" ]", "]"))
        parameters = tuple(
            Parameter(item.key, item.value, Place(source.file, item.line, item.key))
            for item in section.values
        )
        if section.name in KINDS and section.sub:
            jobs.append(OfeliaJob(section.name, section.sub, place, parameters))
        elif section.name == "global":
            for parameter in parameters:
                note_global(parameter, notes)
        else:
            notes.entry(
                place, "ofelia knows no such section", f"its jobs are {', '.join(KINDS)}, each with a name"
            )
    return draft_jobs(jobs, source, options, notes)


# ------------------------------------------------------------------------------------------- labels


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A container with labels of ofelia's."""

    container: Container
    labels: tuple[Pair, ...]
    place: Place
    is_own: bool
    """Whether it is the one that ofelia runs in."""

    def label(self, name: str) -> str | None:
        """The value of a label."""
        return _label(self.labels, name)


def draft_labels(source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """The boxes for the labels in a Compose file or in what `docker inspect` prints. Raises Unreadable."""
    jobs: list[OfeliaJob] = []
    for labelled in _containers(source, notes):
        jobs += _jobs(labelled, notes)
    return draft_jobs(jobs, source, options, notes)


def _containers(source: Source, notes: Notes) -> Iterator[_Labelled]:
    for document in read_documents(source.utf8, source.file):
        if isinstance(document.value, list):
            for node in document.children():
                yield from _inspected(node, source, notes)
        elif isinstance(document.value, dict):
            services = Table(document).table("services")
            for name in services.keys:
                service = services.table(name)
                if service.keys:
                    yield from _service(name, service, source, notes)
        else:
            raise Unreadable("this is neither a Compose file nor what `docker inspect` prints")


def _jobs(labelled: _Labelled, notes: Notes) -> Iterator[OfeliaJob]:
    """`ofelia.KIND.NAME.PARAMETER`; other kinds than job-exec count on ofelia's own container only."""
    found: dict[tuple[str, str], list[Parameter]] = {}
    for label in labelled.labels:
        parts, value = label.name.split("."), label.value or ""
        if label.name in ("ofelia.enabled", "ofelia.service"):
            continue
        if len(parts) < 4:
            note_global(Parameter(".".join(parts[1:]), value, label.place), notes)
            continue
        key = parts[3].lower()
        found.setdefault((parts[1], parts[2]), []).extend(
            Parameter(key, item, label.place) for item in (_listed(value) if key in _LISTS else [value])
        )
    for (kind, name), parameters in found.items():
        where = f"{labelled.place.key} {_PREFIX}{kind}.{name}".strip()
        place = Place(labelled.place.file, parameters[0].place.line, where)
        if kind not in KINDS:
            notes.entry(place, f"ofelia knows no {kind!r}", f"its jobs are {', '.join(KINDS)}")
            continue
        _tell_ignored(labelled, kind, place, notes)
        own = labelled.is_own or kind != "job-exec"
        yield OfeliaJob(kind, name, place, tuple(parameters), None if own else labelled.container)


def _tell_ignored(labelled: _Labelled, kind: str, place: Place, notes: Notes) -> None:
    todo = "see whether this job should run from now on"
    if labelled.is_own:
        return
    if kind != "job-exec":
        notes.check(place, f"ofelia ignores {kind} on another container than its own", todo)
    elif labelled.label("ofelia.enabled") != "true":
        notes.check(place, "without ofelia.enabled=true on its container ofelia ignores it", todo)


def _listed(value: str) -> list[str]:
    try:
        texts = as_texts(json.loads(value)) if value.startswith("[") else None
    except ValueError:
        texts = None
    return [value] if texts is None else texts


# ------------------------------------------------------------------------------------------ Compose


def _service(name: str, service: Table, source: Source, notes: Notes) -> Iterator[_Labelled]:
    node = service.get("labels")
    pairs = as_pairs(node)
    if pairs is None:
        notes.entry(service.place, "labels are neither a mapping nor a list of A=b", "write them so")
        return
    labels = tuple(_compose_labels(pairs, notes))
    if not labels:
        return
    image = service.text("image")
    own = _label(labels, "ofelia.service") == "true" or (image or "").split(":")[0].endswith("/ofelia")
    named = service.text("container_name") or name
    place = node.place if node else service.place
    if own or not _has_exec(labels):
        yield _Labelled(Container(named), labels, place, own)
        return
    container = Container(
        named, _service_settings(service, image, source, notes), service.text("working_dir")
    )
    if left := ", ".join(item.place.key.rsplit(".", 1)[-1] for item in service.left()):
        what = f"of this service {left} are not carried over"
        notes.left_out(service.place, what, "give the box what its jobs need of them")
    yield _Labelled(container, labels, place, own)


def _compose_labels(pairs: Iterable[Pair], notes: Notes) -> Iterator[Pair]:
    for pair in _ofelias(pairs):
        if _has_variable(pair.value or ""):
            todo = "write that value in the new project"
            notes.check(pair.place, "Compose puts the value of a variable in here", todo)
        yield replace(pair, value=_interpolated(pair.value or ""))


def _ofelias(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if pair.name.startswith(_PREFIX))


def _label(labels: Iterable[Pair], name: str) -> str | None:
    return next((label.value for label in labels if label.name == name), None)


def _has_exec(labels: Iterable[Pair]) -> bool:
    return any(label.name.startswith(f"{_PREFIX}job-exec.") for label in labels)


def _service_settings(service: Table, image: str | None, source: Source, notes: Notes) -> BoxSettings:
    """What a box needs to be like the service's container."""
    mounts: list[MountDraft] = []
    for node in service.items("volumes"):
        found = _compose_volume(node, source, notes)
        mounts += [found] if found else []
    environment = placed(_compose_variables(service), notes, in_box=True)
    base = None
    if image:
        base = image_settings(image, service.place, notes)
    elif "build" in service:
        notes.left_out(
            service.place, "its image is built by Compose", "set `dockerfile` or base_image of the box"
        )
    return BoxSettings(
        base_image=base,
        mounts=tuple(mounts),
        env=environment.env,
        env_file=environment.env_file,
        read_only=service.flag("read_only") or False,
    )


def _compose_volume(node: Node, source: Source, notes: Notes) -> MountDraft | None:
    if isinstance(node.value, str):
        return bind_mount(_interpolated(node.value), node.place, source.folder, notes)
    if isinstance(node.value, dict):
        volume = Table(node)
        kind, origin, target = volume.text("type"), volume.text("source"), volume.text("target")
        if kind in ("bind", "volume") and origin and target:
            read_only = volume.flag("read_only") or False
            return mount(origin, target, node.place, source.folder, notes, read_only=read_only)
    notes.left_out(node.place, "this volume has no counterpart", "write it in `mounts` of the box")
    return None


def _compose_variables(service: Table) -> Iterator[Variable]:
    pairs = as_pairs(service.get("environment"))
    if pairs is None:
        service.asked.discard("environment")
    for pair in pairs or ():
        if pair.value is None or _has_variable(pair.value):
            yield Variable(pair.name, None, pair.place, "the environment that Compose ran in")
        else:
            yield Variable(pair.name, _interpolated(pair.value), pair.place)


def _has_variable(text: str) -> bool:
    return "$" in text.replace("$$", "")


def _interpolated(text: str) -> str:
    """Compose writes a dollar as two."""
    return text.replace("$$", "$")


# ---------------------------------------------------------------------------------- docker inspect


def _inspected(node: Node, source: Source, notes: Notes) -> Iterator[_Labelled]:
    """A container as `docker inspect` shows it: of its many keys only what a box can have is read."""
    if not isinstance(node.value, dict):
        notes.entry(node.place, "this is no container", "give what `docker inspect CONTAINER…` prints")
        return
    shown = Table(node)
    config = shown.table("Config")
    labels = _ofelias(as_pairs(config.get("Labels")) or ())
    if not labels:
        return
    image = config.text("Image")
    name = (shown.text("Name") or "").lstrip("/") or source.box
    own = _label(labels, "ofelia.service") == "true"
    place = Place(node.place.file, node.place.line, name)
    if own or not _has_exec(labels):
        yield _Labelled(Container(name), labels, place, own)
        return
    environment = placed(_inspected_variables(config), notes, in_box=True)
    host = shown.table("HostConfig")
    settings = BoxSettings(
        base_image=image_settings(image, place, notes) if image else None,
        mounts=tuple(_inspected_mounts(shown.tables("Mounts"), place, source, notes)),
        env=environment.env,
        env_file=environment.env_file,
        network=_network(host.text("NetworkMode")),
        read_only=host.flag("ReadonlyRootfs") or False,
    )
    yield _Labelled(Container(name, settings, config.text("WorkingDir") or None), labels, place, own)


def _inspected_variables(config: Table) -> Iterator[Variable]:
    for pair in as_pairs(config.get("Env")) or ():
        if pair.name not in _FROM_THE_IMAGE:
            yield Variable(pair.name, pair.value or "", pair.place)


def _inspected_mounts(
    mounts: Iterable[Table], place: Place, source: Source, notes: Notes
) -> Iterator[MountDraft]:
    for table in mounts:
        named = table.text("Name") if table.text("Type") == "volume" else table.text("Source")
        found = mount(
            named or "",
            table.text("Destination") or "",
            place,
            source.folder,
            notes,
            read_only=table.flag("RW") is False,
        )
        if found:
            yield found


def _network(mode: str | None) -> str | None:
    """The network, where it is one by name."""
    return None if mode in (None, "", "default", "bridge", "host", "none") or ":" in (mode or "") else mode
