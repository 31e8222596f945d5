"""The pod of a CronJob: its command, its variables, and the box that is like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cronbox.model.importing.documents import Table, as_texts
from cronbox.model.importing.draft import BoxSettings, MountDraft, Notes, Place
from cronbox.model.importing.environment import Environment, Variable, placed
from cronbox.model.importing.images import image_settings
from cronbox.model.importing.kubernetes_words import expanded, kube_command
from cronbox.model.importing.lines import is_offered
from cronbox.model.importing.quantities import parse_quantity
from cronbox.model.importing.source import ROOT
from cronbox.model.importing.volumes import mount

_HOLDS_ANYWAY = {"allowPrivilegeEscalation": False, "privileged": False}
_PLAIN_POD = {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler"}
_PLAIN_CONTAINER = {
    "imagePullPolicy": "IfNotPresent",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
NO_COMMAND = "it has no command, so the image's own is run, which is not known here"
SHARED = "each run had a pod of its own; now all runs share the box's files"
SHARED_TODO = "see that it leaves nothing behind that the next run would trip over"


@dataclass(frozen=True, slots=True)
class Pod:
    """What a pod comes to. `command` is None where it cannot be known; `no_command` says why."""

    command: str | None
    no_command: str
    user: str
    settings: BoxSettings
    environment: Environment
    policy: tuple[tuple[str, str], ...]
    image_name: str
    shown: tuple[str, ...]
    """The words of its command, to write in a comment."""


def read_pod(pod: Table, place: Place, config_maps: Mapping[str, Mapping[str, str]], notes: Notes) -> Pod:
    """The first container of the pod; the others, and every key that has no counterpart, are told."""
    return _Reader(pod, place, config_maps, notes).read()


class _Reader:
    def __init__(
        self, pod: Table, place: Place, config_maps: Mapping[str, Mapping[str, str]], notes: Notes
    ) -> None:
        containers = pod.tables("containers")
        self.pod = pod
        self.place = place
        self.config_maps = config_maps
        self.notes = notes
        self.container = containers[0] if containers else pod.table("containers")
        for other in containers[1:]:
            self._tell_other(other, "container")
        for other in pod.tables("initContainers"):
            self._tell_other(other, "init container")

    def _tell_other(self, other: Table, what: str) -> None:
        name = other.text("name") or "?"
        todo = "let the command do its work, or make it an entry of its own"
        self.notes.entry(self._at(other.place), f"the {what} {name} is not carried over", todo)

    def read(self) -> Pod:
        image = self.container.text("image")
        variables, values = expanded(self._variables())
        words = self._words()
        base = image_settings(image, self.place, self.notes) if image else None
        settings = BoxSettings(base_image=base, mounts=tuple(self._mounts()))
        settings, policy = self._limits(settings)
        settings = replace(settings, read_only=self._is_read_only())
        if workdir := self.container.text("workingDir"):
            policy = (*policy, *self._workdir(workdir))
        user = self._user()
        self._tell_left()
        self.notes.changed(self.place, SHARED, SHARED_TODO)
        return Pod(
            command=None if words is None else kube_command(words, values),
            no_command=NO_COMMAND,
            user=user,
            settings=settings,
            environment=placed(variables, self.notes),
            policy=policy,
            image_name=_image_name(image),
            shown=tuple(" ".join(words or ()).split("\n")),
        )

    def _at(self, place: Place) -> Place:
        return Place(place.file, place.line, f"{self.place.key} {place.key}")

    def _words(self) -> list[str] | None:
        """`command` and `args`; without a command the image's entry point is in charge."""
        command, args = self.container.get("command"), self.container.get("args")
        words = as_texts(command.value) if command else None
        more = as_texts(args.value) if args else []
        if not words or more is None:
            return None
        return words + more

    def _workdir(self, workdir: str) -> tuple[tuple[str, str], ...]:
        if is_offered("workdir", workdir):
            return (("workdir", workdir),)
        self.notes.left_out(self.place, f"workingDir {workdir!r} is not an absolute path")
        return ()

    # ----------------------------------------------------------------------------------- variables

    def _variables(self) -> Iterator[Variable]:
        for source in self.container.tables("envFrom"):
            yield from self._from_all(source)
        for item in self.container.tables("env"):
            name = item.text("name")
            if name is None:
                self.notes.left_out(self._at(item.place), "a variable without a name")
            elif "valueFrom" in item:
                yield self._from_one(name, item.table("valueFrom"))
            else:
                yield Variable(name, item.text("value") or "", self._at(item.place))

    def _from_all(self, source: Table) -> Iterator[Variable]:
        prefix = source.text("prefix") or ""
        name = source.table("configMapRef").text("name")
        if name is not None and name in self.config_maps:
            for key, value in self.config_maps[name].items():
                yield Variable(prefix + key, value, self._at(source.place))
            return
        secret = source.table("secretRef").text("name")
        origin = f"the ConfigMap {name}" if secret is None else f"the Secret {secret}"
        before = f", each with {prefix} before it" if prefix else ""
        todo = f"write its variables into the box's env_file{before}"
        self.notes.left_out(
            self._at(source.place), f"all variables of {origin}, which are not known here", todo
        )

    def _from_one(self, name: str, reference: Table) -> Variable:
        place = self._at(reference.place)
        kinds = reference.keys
        kind = kinds[0] if kinds else "?"
        inner = reference.table(kind)
        owner, key = (
            inner.text("name") or "",
            inner.text("key") or inner.text("fieldPath") or inner.text("resource"),
        )
        if kind == "configMapKeyRef" and key in self.config_maps.get(owner, {}):
            return Variable(name, self.config_maps[owner][str(key)], place)
        return Variable(name, None, place, " ".join(filter(None, (kind, owner, key))))

    # ------------------------------------------------------------------------------------- the box

    def _mounts(self) -> Iterator[MountDraft]:
        volumes = {table.text("name"): table for table in self.pod.tables("volumes")}
        for table in self.container.tables("volumeMounts"):
            name, target = table.text("name"), table.text("mountPath") or ""
            read_only = table.flag("readOnly") or False
            for node in table.left():
                self.notes.left_out(
                    self._at(node.place), f"{node.place.key.rsplit('.', 1)[-1]} has no counterpart"
                )
            found = self._mount(volumes.get(name), target, self._at(table.place), read_only)
            if found:
                yield found

    def _mount(self, volume: Table | None, target: str, place: Place, read_only: bool) -> MountDraft | None:
        source = volume.table("hostPath").text("path") if volume else None
        claim = volume.table("persistentVolumeClaim").text("claimName") if volume else None
        if source:
            return mount(source, target, place, "/", self.notes, read_only=read_only)
        if claim:
            todo = f"copy what the claim {claim} holds into the Docker volume {claim}"
            self.notes.changed(place, f"{target} is a Docker volume now, and empty", todo)
            return MountDraft(place, claim, target, read_only) if target.startswith("/") else None
        if volume and "emptyDir" in volume:
            what = f"{target} was new for each run, and is a folder of the box now"
            self.notes.changed(place, what, "let the command make and empty it")
            return None
        kinds = [key for key in volume.keys if key != "name"] if volume else []
        what = f"the volume at {target} ({', '.join(kinds) or 'it is not declared'}) is not carried over"
        self.notes.left_out(
            place, what, "write its files into a folder, and mount that in `mounts` of the box"
        )
        return None

    def _limits(self, settings: BoxSettings) -> tuple[BoxSettings, tuple[tuple[str, str], ...]]:
        resources = self.container.table("resources")
        limits = resources.table("limits")
        memory, cpus = (parse_quantity(limits.text(key) or "") for key in ("memory", "cpu"))
        for node in (*limits.left(), *resources.left()):
            what = f"resources: {node.place.key.rsplit('.', 1)[-1]} has no counterpart"
            self.notes.left_out(self._at(node.place), what)
        if cpus:
            settings = replace(settings, cpus=float(cpus))
        if not memory:
            return settings, ()
        todo = (
            "give the box more if its jobs run together; `memory-limit` is for address space, which is more"
        )
        self.notes.changed(self._at(limits.place), "the limit of memory is the whole box's now", todo)
        return replace(settings, memory=int(memory)), ()

    # ------------------------------------------------------------------------------- who runs it

    def _security(self) -> list[Table]:
        """The container's goes before the pod's."""
        return [self.container.table("securityContext"), self.pod.table("securityContext")]

    def _is_read_only(self) -> bool:
        return self._security()[0].node.value.get("readOnlyRootFilesystem") is True

    def _user(self) -> str:
        """Root only where root it was, or where the image decides and so nobody knows."""
        contexts = self._security()
        ids = [context.node.value["runAsUser"] for context in contexts if "runAsUser" in context]
        strict = any(context.node.value.get("runAsNonRoot") is True for context in contexts)
        for context in contexts:
            context.forget("runAsUser", "runAsNonRoot", "readOnlyRootFilesystem")
            self._tell_security(context)
        number = ids[0] if ids and isinstance(ids[0], int) and 0 <= ids[0] < 2**31 else None
        if number == 0:
            return ROOT
        if number is not None or strict:
            user = "app" if number is None else f"uid{number}"
            what = f"it runs as {user}, whose id is the image's choice" + (
                "" if number is None else f" and not {number}"
            )
            self.notes.changed(self.place, what, "see who owns the files that it reads and writes")
            return user
        what = "the image decides who runs it, and here that is root"
        self.notes.check(self.place, what, "name another user in the crontab, and in `users` of the box")
        return ROOT

    def _tell_security(self, context: Table) -> None:
        for node in context.left():
            key = node.place.key.rsplit(".", 1)[-1]
            if _HOLDS_ANYWAY.get(key, node) is node.value:
                continue
            todo = "a box drops all capabilities but four, and gains none" if key == "capabilities" else ""
            self.notes.left_out(self._at(node.place), f"securityContext: {key} has no counterpart", todo)

    def _tell_left(self) -> None:
        """Whatever of pod and container nobody has asked for."""
        self.pod.forget("restartPolicy")
        self.container.forget("name")
        for table, plain in ((self.pod, _PLAIN_POD), (self.container, _PLAIN_CONTAINER)):
            for node in table.left():
                key = node.place.key.rsplit(".", 1)[-1]
                if plain.get(key) != node.value:
                    self.notes.left_out(self._at(node.place), f"{key} has no counterpart")


def _image_name(image: str | None) -> str:
    return (image or "").rsplit("/", 1)[-1].split("@")[0].split(":")[0]
