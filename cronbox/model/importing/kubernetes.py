"""Kubernetes CronJobs, from manifests or from what `kubectl get -o yaml` prints.

Source: the reference of batch/v1 CronJob and JobSpec, and of v1 PodSpec. A key that nobody asks for is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cronbox.model.importing.boxes import Placed, Wanted, gathered, left_out, written
from cronbox.model.importing.documents import Node, Table, Unreadable, read_documents
from cronbox.model.importing.draft import BoxDraft, BoxSettings, Notes, Place
from cronbox.model.importing.go_times import translate_go
from cronbox.model.importing.kubernetes_pod import Pod, read_pod
from cronbox.model.importing.lines import is_offered, seconds
from cronbox.model.importing.source import Options, Source, known_zone
from cronbox.model.importing.times import Times, Untranslatable

_BOOKKEEPING = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DEFAULT_RETRIES = 6
_KEPT = "cronbox keeps runs by `[retention]` of config.toml"
ConfigMaps = dict[str, dict[str, str]]


def draft_kubernetes(source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """The boxes for the CronJobs of a manifest. Raises Unreadable."""
    objects = list(_objects(read_documents(source.utf8, source.file)))
    if not any(table.node.value.get("kind") == "CronJob" for table in objects):
        raise Unreadable("there is no CronJob in it")
    config_maps = dict(map(_config_map, _of_kind(objects, "ConfigMap")))
    taken: set[str] = set()
    jobs = [
        _Reader(table, config_maps, source, options, notes).placed(taken)
        for table in _of_kind(objects, "CronJob")
    ]
    for table in objects:
        kind = table.text("kind") or "?"
        if kind not in ("CronJob", "ConfigMap"):
            name = table.table("metadata").text("name") or "?"
            notes.left_out(table.place, f"{kind} {name} is no CronJob", "see whether a job needs it")
    return gathered(jobs, options, notes)


def _of_kind(objects: Iterable[Table], kind: str) -> list[Table]:
    return [table for table in objects if table.node.value.get("kind") == kind]


def _objects(documents: Iterable[Node]) -> Iterator[Table]:
    """Every object, also those in a List."""
    for document in documents:
        if not isinstance(document.value, dict):
            raise Unreadable("a document is no Kubernetes object", document.place.line)
        table = Table(document)
        if str(table.node.value.get("kind", "")).endswith("List"):
            yield from _objects(table.items("items"))
        else:
            yield table


def _config_map(table: Table) -> tuple[str, dict[str, str]]:
    data = table.table("data").node.value
    return table.table("metadata").text("name") or "", {str(k): str(v) for k, v in data.items()}


class _Reader:
    """Reads one CronJob."""

    def __init__(
        self, table: Table, config_maps: ConfigMaps, source: Source, options: Options, notes: Notes
    ) -> None:
        self.table = table
        self.options = options
        self.notes = notes
        self.source = source
        self.config_maps = config_maps
        self.metadata = table.table("metadata")
        self.spec = table.table("spec")
        self.template = self.spec.table("jobTemplate")
        self.job = self.template.table("spec")
        self.pod_template = self.job.table("template")
        self.pod = self.pod_template.table("spec")
        self.name = self.metadata.text("name") or "job"
        self.place = Place(source.file, table.place.line, f"CronJob/{self.name}")

    def placed(self, taken: set[str]) -> Placed:
        """The job, as an entry or as a comment; whatever is left of the object is told."""
        schedule = self.spec.text("schedule") or ""
        policy = tuple(self._policy())
        pod = read_pod(self.pod, self.place, self.config_maps, self.notes)
        zone = known_zone(self._zone(), self.place, self.options, self.notes)
        box, settings = self._box(pod, zone)
        self._forget_plain()
        self._tell_left()
        try:
            times = self._times(schedule, pod)
        except Untranslatable as error:
            lines = (f"{self.name}: {schedule}", *pod.shown)
            parts = left_out(self.place, error.what, error.todo, lines, self.notes)
            return Placed(box, settings, self.name, (*pod.environment.lines, *parts))
        command = pod.command or ""
        wanted = Wanted(self.place, self.name, times.entries, pod.user, command, (*policy, *pod.policy))
        entries = written(wanted, taken, self.notes)
        parts = (*pod.environment.lines, *entries.parts)
        return Placed(box, settings, self.name, parts, ((pod.user, self.place),), entries.scripts)

    def _times(self, schedule: str, pod: Pod) -> Times:
        """Raises Untranslatable for whatever keeps this job from being an entry."""
        if pod.command is None:
            raise Untranslatable(pod.no_command, "write the command that the image runs in the entry")
        times = translate_go(schedule, seconds=False)
        for change in times.changes:
            self.notes.changed(self.place, change)
        return times

    def _zone(self) -> str | None:
        """Of the schedule itself before `timeZone`; without either the controller's, which is mostly UTC."""
        zone = self.spec.text("timeZone")
        schedule = self.spec.node.value.get("schedule")
        if isinstance(schedule, str) and "TZ=" in schedule:
            return schedule.split()[0].partition("=")[2] if schedule.split() else zone
        if zone is None:
            what = "it has no timeZone, so it was meant in the cluster's; the box has UTC"
            self.notes.check(self.place, what, "set `timezone` of the box if the cluster's is another")
        return zone

    def _box(self, pod: Pod, zone: str | None) -> tuple[str, BoxSettings]:
        settings = replace(
            pod.settings, timezone=zone, env=pod.environment.env, env_file=pod.environment.env_file
        )
        return pod.image_name or self.name, settings

    # ---------------------------------------------------------------------------------- its policy

    def _policy(self) -> Iterator[tuple[str, str]]:
        yield from self._overlap()
        deadline = self.job.number("activeDeadlineSeconds") or self.pod.number("activeDeadlineSeconds")
        if deadline:
            yield "timeout", seconds(deadline)
        grace = self.pod.number("terminationGracePeriodSeconds")
        if grace is not None:
            yield "kill-after", seconds(grace)
        yield from self._catchup()
        yield from self._retries()
        if self.spec.flag("suspend"):
            yield "paused", "yes"

    def _overlap(self) -> Iterator[tuple[str, str]]:
        wanted = {"Allow": "allow", "Forbid": "skip", "Replace": "replace"}
        policy = self.spec.text("concurrencyPolicy") or "Allow"
        if policy not in wanted:
            what = f"concurrencyPolicy {policy} is none: a slot is skipped while the last run goes on"
            self.notes.left_out(self.place, what, "see whether that will do")
        yield "overlap", wanted.get(policy, "skip")

    def _catchup(self) -> Iterator[tuple[str, str]]:
        deadline = self.spec.number("startingDeadlineSeconds")
        if deadline is None:
            return
        if is_offered("catchup-deadline", seconds(deadline)):
            yield from (("catchup", "latest"), ("catchup-deadline", seconds(deadline)))
        else:
            what = (
                f"startingDeadlineSeconds {deadline:g} has no counterpart: a missed slot is not made up for"
            )
            self.notes.left_out(self.place, what, "give it `catchup=latest` and a deadline")

    def _retries(self) -> Iterator[tuple[str, str]]:
        """Six where nobody says otherwise; after 10 s, 20 s, 40 s and so on, as the cluster does it."""
        limit = self.job.number("backoffLimit")
        wanted = str(_DEFAULT_RETRIES if limit is None else round(limit))
        if wanted == "0":
            return
        if not is_offered("retries", wanted):
            what = f"backoffLimit {wanted} has no counterpart: a failed run is not tried again"
            self.notes.left_out(self.place, what, "give it the `retries` that it needs")
            return
        yield from (("retries", wanted), ("retry-delay", "10s"), ("retry-backoff", "2"))
        if "activeDeadlineSeconds" in self.job:
            what = "activeDeadlineSeconds was for all attempts together, and `timeout` is for each"
            self.notes.changed(self.place, what, "make it shorter, or take fewer retries")

    # ------------------------------------------------------------------------------- what is left

    def _forget_plain(self) -> None:
        """Keys that say nothing, or what holds here as well."""
        self.table.forget("apiVersion", "kind", "status")
        for metadata in (self.metadata, self.template.table("metadata"), self.pod_template.table("metadata")):
            metadata.forget("name", *_BOOKKEEPING)
        annotations = self.metadata.table("annotations")
        annotations.forget(_LAST_APPLIED)
        if annotations.left():
            self.metadata.asked.discard("annotations")
        for table, key, usual in (
            (self.job, "completions", 1),
            (self.job, "parallelism", 1),
            (self.job, "completionMode", "NonIndexed"),
            (self.job, "suspend", False),
            (self.spec, "suspend", False),
        ):
            if table.node.value.get(key) == usual:
                table.forget(key)

    def _tell_left(self) -> None:
        for table in (self.table, self.metadata, self.spec, self.template, self.job, self.pod_template):
            for node in table.left():
                key = node.place.key.rsplit(".", 1)[-1]
                todo = _KEPT if key.startswith(("successfulJobs", "failedJobs", "ttlSeconds")) else ""
                self.notes.left_out(_named(node.place, self.name), f"{key} has no counterpart", todo)
        inner = self.template.table("metadata"), self.pod_template.table("metadata")
        for metadata in inner:
            for node in metadata.left():
                self.notes.left_out(_named(node.place, self.name), f"{node.place.key} has no counterpart")


def _named(place: Place, name: str) -> Place:
    return Place(place.file, place.line, f"CronJob/{name} {place.key}")
