"""ofelia's jobs, whatever file or label they come from, as jobs of boxes.

Source: docs/jobs.md, `core/` and `cli/config.go` of github.com/mcuadros/ofelia at v0.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cronbox.model.importing.boxes import Placed, Wanted, gathered, left_out, written
from cronbox.model.importing.commands import go_words, shell_command
from cronbox.model.importing.draft import NO_SETTINGS, BoxDraft, BoxSettings, MountDraft, Notes, Place
from cronbox.model.importing.environment import Variable, placed
from cronbox.model.importing.go_times import translate_go
from cronbox.model.importing.hosts import note_command
from cronbox.model.importing.images import image_settings
from cronbox.model.importing.lines import is_offered
from cronbox.model.importing.source import ROOT, Options, Source, default_user, known_zone
from cronbox.model.importing.times import Times, Untranslatable
from cronbox.model.importing.volumes import bind_mount

KINDS = ("job-exec", "job-run", "job-local", "job-service-run")
_WITHOUT_EFFECT = {"delete": "true", "tty": "false", "pull": "true"}
"""What these are unless they say otherwise, and what holds here as well."""
_REPORTS = ("slack-", "smtp-", "email-", "mail-", "save-")
_NO_REPORTS = "cronbox keeps every run and its output; `cronbox runs --status failed` lists what failed"
_ELSEWHERE = "see whether it needs that container's processes, files or network, and give them to the box"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `key = value` of a job; the key in small letters."""

    key: str
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Container:
    """What is known of a container that a job is executed in."""

    name: str
    settings: BoxSettings = NO_SETTINGS
    workdir: str | None = None


@dataclass(frozen=True, slots=True)
class OfeliaJob:
    """A job as a file or labels describe it."""

    kind: str
    name: str
    place: Place
    parameters: tuple[Parameter, ...]
    container: Container | None = None
    """The one whose labels these are, where that is not ofelia's own."""


@dataclass(slots=True)
class _Asked:
    """A job's parameters, of which none is passed over unseen."""

    parameters: tuple[Parameter, ...]
    asked: set[str] = field(default_factory=set)

    def all(self, key: str) -> list[Parameter]:
        self.asked.add(key)
        return [parameter for parameter in self.parameters if parameter.key == key]

    def last(self, key: str) -> str | None:
        found = self.all(key)
        return found[-1].value if found else None

    def left(self) -> list[Parameter]:
        return [parameter for parameter in self.parameters if parameter.key not in self.asked]


def draft_jobs(jobs: Iterable[OfeliaJob], source: Source, options: Options, notes: Notes) -> list[BoxDraft]:
    """The boxes for ofelia's jobs; every job is an entry in one of them, or a comment there and told."""
    reader = _Reader(source, options, notes)
    return gathered([reader.placed(job) for job in jobs], options, notes)


def note_global(parameter: Parameter, notes: Notes) -> None:
    """Tell of a setting of ofelia itself."""
    notes.left_out(parameter.place, f"{parameter.key} has no counterpart", _NO_REPORTS)


class _Reader:
    def __init__(self, source: Source, options: Options, notes: Notes) -> None:
        self.source = source
        self.options = options
        self.notes = notes
        self.taken: set[str] = set()
        self.local_user: str | None = None
        self.told_five = False

    def placed(self, job: OfeliaJob) -> Placed:
        asked = _Asked(job.parameters)
        schedule, command = asked.last("schedule") or "", asked.last("command") or ""
        box, settings, more = self._box(job, asked)
        user = asked.last("user") or (self._local_user() if job.kind == "job-local" else ROOT)
        policy = (*more, ("overlap", "skip" if _is_true(asked.last("no-overlap")) else "allow"))
        environment = placed(_variables(asked, self.notes), self.notes)
        settings = replace(
            settings,
            env=settings.env + environment.env,
            env_file=settings.env_file + environment.env_file,
        )
        self._tell_left(job, asked)
        crontab = job.name if environment.lines else "ofelia"
        try:
            times = self._times(job, schedule, command, asked)
        except Untranslatable as error:
            lines = (f"[{job.kind} {job.name}] {schedule} {command}".strip(),)
            parts = left_out(job.place, error.what, error.todo, lines, self.notes)
            return Placed(box, settings, crontab, (*environment.lines, *parts))
        line = shell_command(go_words(command))
        mounts = note_command(line, job.place, self.notes) if job.kind == "job-local" else ()
        settings = replace(
            settings,
            mounts=tuple(dict.fromkeys((*settings.mounts, *mounts))),
            timezone=known_zone(times.zone, job.place, self.options, self.notes),
        )
        wanted = Wanted(job.place, job.name, times.entries, user, line, policy)
        entries = written(wanted, self.taken, self.notes)
        parts = (*environment.lines, *entries.parts)
        return Placed(box, settings, crontab, parts, ((user, job.place),), entries.scripts)

    def _local_user(self) -> str:
        self.local_user = self.local_user or default_user(self.source, self.options, self.notes)
        return self.local_user

    def _times(self, job: OfeliaJob, schedule: str, command: str, asked: _Asked) -> Times:
        """Raises Untranslatable for whatever keeps this job from being an entry."""
        if job.kind == "job-run" and not asked.last("image"):
            raise Untranslatable(
                f"it starts the container {asked.last('container') or '?'}, whatever that runs",
                "write the container's own command as an entry, in a box from its image",
            )
        if not schedule:
            raise Untranslatable("it has no schedule, so ofelia does not run it", "write time fields for it")
        if not go_words(command):
            raise Untranslatable(
                "it has no command, so the image's own is run, which is not known here",
                "write that command in the entry",
            )
        times = translate_go(schedule, seconds=True)
        if (
            len(schedule.split()) == 5
            and not self.told_five
            and not schedule.startswith(("TZ=", "CRON_TZ=", "@"))
        ):
            self.told_five = True
            what = "five fields are read as ofelia reads them now, minutes first"
            self.notes.check(
                job.place,
                what,
                "an old ofelia, built on robfig/cron v1, took the first for seconds: see which yours is",
            )
        for change in times.changes:
            self.notes.changed(job.place, change)
        return times

    def _box(self, job: OfeliaJob, asked: _Asked) -> tuple[str, BoxSettings, tuple[tuple[str, str], ...]]:
        """(its box's name, what the box needs, settings of the job)."""
        match job.kind:
            case "job-exec":
                return self._exec_box(job, asked)
            case "job-local":
                folder = asked.last("dir")
                return self.source.box, BoxSettings(), self._workdir(folder, job.place)
            case _:
                return self._run_box(job, asked)

    def _exec_box(
        self, job: OfeliaJob, asked: _Asked
    ) -> tuple[str, BoxSettings, tuple[tuple[str, str], ...]]:
        """cronbox executes nothing in other containers: the job gets a box that is as like it as is known."""
        named = asked.last("container")
        container = job.container or Container(named or self.source.box)
        what = f"it ran in the container {container.name!r}, and runs in a box of its own now"
        if container.settings.base_image is None:
            todo = f"set base_image of the box to that container's image; {_ELSEWHERE}"
        else:
            todo = _ELSEWHERE
        self.notes.changed(job.place, what, todo)
        return container.name, container.settings, self._workdir(container.workdir, job.place)

    def _run_box(self, job: OfeliaJob, asked: _Asked) -> tuple[str, BoxSettings, tuple[tuple[str, str], ...]]:
        image = asked.last("image")
        network = asked.last("network")
        mounts = self._mounts(asked)
        if job.kind == "job-service-run":
            self.notes.changed(
                job.place, "it ran as a service of the swarm, and runs in a box on this engine now"
            )
        settings = BoxSettings(mounts=mounts, network=network)
        if not image:
            return asked.last("container") or self.source.box, settings, ()
        what = "each run had a container of its own; now all runs share the box's"
        self.notes.changed(
            job.place, what, "see that it leaves nothing behind that the next run would trip over"
        )
        base = image_settings(image, job.place, self.notes)
        return image.rsplit("/", 1)[-1].split("@")[0].split(":")[0], replace(settings, base_image=base), ()

    def _mounts(self, asked: _Asked) -> tuple[MountDraft, ...]:
        mounts = []
        for volume in asked.all("volume"):
            mount = bind_mount(volume.value, volume.place, self.source.folder, self.notes)
            mounts += [mount] if mount else []
        return tuple(mounts)

    def _workdir(self, folder: str | None, place: Place) -> tuple[tuple[str, str], ...]:
        if not folder:
            return ()
        if is_offered("workdir", folder):
            return (("workdir", folder),)
        self.notes.left_out(place, f"dir {folder!r} is not an absolute path", "give the job a `workdir`")
        return ()

    def _tell_left(self, job: OfeliaJob, asked: _Asked) -> None:
        for parameter in asked.left():
            key, value = parameter.key, parameter.value
            if _WITHOUT_EFFECT.get(key) == value.lower():
                continue
            todo = _NO_REPORTS if key.startswith(_REPORTS) else ""
            self.notes.left_out(parameter.place, f"{key} has no counterpart in {job.kind}", todo)


def _variables(asked: _Asked, notes: Notes) -> list[Variable]:
    found = []
    for parameter in (*asked.all("environment"), *asked.all("env")):
        name, equals, value = parameter.value.partition("=")
        if equals and name:
            found.append(Variable(name, value, parameter.place))
        else:
            notes.left_out(
                parameter.place,
                f"{parameter.value.split('=')[0]!r} is no NAME=VALUE",
                "set it in `env` of the box",
            )
    return found


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "yes", "on", "1", "t")
