"""Volumes as Docker's tools write them, as mounts of a box."""

from __future__ import annotations

from posixpath import isabs, join, normpath

from cronbox.model.importing.draft import MountDraft, Notes, Place

_PLAIN_MODES = frozenset({"", "rw", "ro"})
_SOCKET = "docker.sock"


def bind_mount(volume: str, place: Place, folder: str, notes: Notes) -> MountDraft | None:
    """`SOURCE:TARGET[:MODE]` as in `docker run -v`; a relative source is meant from `folder`."""
    source, _, rest = volume.partition(":")
    target, _, modes = rest.partition(":")
    if not rest:
        notes.left_out(place, f"{volume}: a volume without a name", "give it a name in `mounts` of the box")
        return None
    odd = [mode for mode in modes.split(",") if mode not in _PLAIN_MODES]
    if odd:
        notes.left_out(place, f"{volume}: the mode {','.join(odd)} has no counterpart")
    return mount(source, target, place, folder, notes, read_only="ro" in modes.split(","))


def mount(
    source: str, target: str, place: Place, folder: str, notes: Notes, *, read_only: bool
) -> MountDraft | None:
    """A mount of a folder, a file or a named volume; None, and told, where a box cannot have it."""
    if source.startswith(("./", "../", "~")) or source in (".", ".."):
        source = normpath(join(folder, source)) if not source.startswith("~") else source
    if source.endswith(_SOCKET):
        todo = "whoever has it is root on the host; mount it yourself if the job needs it"
        notes.left_out(place, f"{source}: the engine's socket is not mounted", todo)
        return None
    usable = isabs(target) and source and (isabs(source) or "/" not in source or source.startswith("~/"))
    if not usable or "$" in source + target or not (source + target).isprintable():
        notes.left_out(place, f"{source}:{target} is no mount", "write it in `mounts` of the box")
        return None
    if "/" not in source:
        todo = "the volume of this name is used; Compose may have put the project's name before it"
        notes.check(place, f"the volume {source} is mounted at {target}", todo)
    return MountDraft(place, source, normpath(target), read_only)
