"""config.toml: what a user writes, checked whole before anything is done.

Every unknown key, wrong type and missing file is found and told at once, each with the key's path. Paths in
the file are relative to the file's own folder. `docs/config.md` describes each key; a test holds the two
together.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cronbox.errors import ConfigError, NotFound
from cronbox.locate import CONFIG_NAME as CONFIG_NAME
from cronbox.locate import find_config as find_config
from cronbox.model import values
from cronbox.model.alert import DEFAULT_WHEN, Kind
from cronbox.model.durations import parse_duration, parse_size
from cronbox.model.fields import FieldError, parse_schedule
from cronbox.model.job import Policy
from cronbox.model.quiet import Quiet, parse_quiet
from cronbox.model.settings import KEYS, OF_ONE_JOB, policy_from
from cronbox.model.window import Once, Recurring, Window

if TYPE_CHECKING:
    from cronbox.model.lint import Selection

BOX_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
LONGEST_WINDOW_S = 7 * 86_400
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
NOT_FOR_SECRETS = frozenset({"HOME", "LOGNAME", "PATH", "SHELL", "TZ", "USER"})
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


def _box_name(name: str) -> str:
    if not BOX_NAME.fullmatch(name):
        raise ValueError("a name has small letters, digits, `-` and `_`, and begins with a letter or digit")
    return name


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"no time zone {name!r}; write it as in `Europe/Berlin`")
    return name


def _package(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?", name):
        raise ValueError(f"{name!r} is not the name of a Debian package")
    return name


def _user(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", name):
        raise ValueError(f"{name!r} is not a user name")
    return name


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("a path in the box begins with /")
    return path


def _group(name: str) -> str:
    return values.name(name)


def _secret_name(name: str) -> str:
    if not SECRET_NAME.fullmatch(name):
        raise ValueError("a secret is named like a variable: letters, digits and `_`, no digit first")
    if name in NOT_FOR_SECRETS or name.startswith("CRONBOX_"):
        raise ValueError("cronbox sets this variable itself; give the secret another name")
    return name


def _rule(code: str) -> str:
    from cronbox.model.lint.selection import rule_codes

    rule_codes([code])
    return code


Seconds = Annotated[float, BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v)]
Bytes = Annotated[int, BeforeValidator(lambda v: parse_size(v) if isinstance(v, str) else v), Field(gt=0)]
Name = Annotated[str, AfterValidator(_box_name)]
Zone = Annotated[str, AfterValidator(_zone)]
RuleCode = Annotated[str, AfterValidator(_rule)]


class Section(BaseModel):
    """A table of config.toml: unknown keys are refused, values are not bent into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CronboxSection(Section):
    """`[cronbox]`: where cronbox keeps its own things."""

    project: str | None = Field(default=None, pattern=rf"^{PROJECT_NAME.pattern}$")
    state_dir: str = ".cronbox"
    database: str | None = None
    docker_url: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class MountSection(Section):
    """One of `boxes.<box>.mounts`: a host folder, or a named volume when `source` has no slash."""

    source: str = Field(min_length=1)
    target: Annotated[str, AfterValidator(_absolute)]
    read_only: bool = False


class SecretSection(Section):
    """One of `boxes.<box>.secrets`: where its value comes from, and which jobs get it."""

    file: str | None = Field(default=None, min_length=1)
    env: str | None = Field(default=None, min_length=1)
    command: list[str] | None = Field(default=None, min_length=1)
    variable: bool = False
    jobs: list[Annotated[str, AfterValidator(values.name)]] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_source(self) -> SecretSection:
        if [self.file, self.env, self.command].count(None) != 2:
            raise ValueError("needs one of `file`, `env` and `command`")
        return self

    @property
    def source(self) -> str:
        """The key that says where the value comes from."""
        return next(key for key in ("file", "env", "command") if getattr(self, key) is not None)


def _no_two_of_one_name(secrets: dict[str, SecretSection]) -> dict[str, SecretSection]:
    for name in secrets:
        if f"{name}_FILE" in secrets:
            raise ValueError(f"`{name}_FILE` is the variable that names the file of `{name}`; rename one")
    return secrets


class BoxSection(Section):
    """`[boxes.<box>]`: the container around a folder of crontabs."""

    base_image: str = "debian:bookworm-slim"
    apt: list[Annotated[str, AfterValidator(_package)]] = []
    pip: str | None = None
    dockerfile: str | None = None
    users: list[Annotated[str, AfterValidator(_user)]] = []
    scripts: str | None = None
    mounts: list[MountSection] = []
    env: dict[str, str] = {}
    env_file: str | None = None
    secrets: Annotated[
        dict[Annotated[str, AfterValidator(_secret_name)], SecretSection], AfterValidator(_no_two_of_one_name)
    ] = {}
    timezone: Zone = "UTC"
    network: str | None = None
    memory: Bytes | None = None
    cpus: float | None = Field(default=None, gt=0)
    max_running: int | None = Field(default=None, ge=1)
    groups: dict[Annotated[str, AfterValidator(_group)], Annotated[int, Field(ge=1)]] = {}
    stop_grace: Seconds = 30.0
    read_only: bool = False


class LintSection(Section):
    """`[lint]`: which rules `cronbox check` applies. What is installed is held to every rule."""

    select: list[RuleCode] = ["CB"]
    ignore: list[RuleCode] = []


class MaintenanceSection(Section):
    """One of `[[maintenance]]`: once (`start`, `end`) or again and again (`schedule`, `length`)."""

    why: str = Field(min_length=1, max_length=200)
    jobs: list[str] = []
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    schedule: str | None = None
    length: Annotated[Seconds, Field(gt=0, le=LONGEST_WINDOW_S)] | None = None

    @model_validator(mode="after")
    def _once_or_recurring(self) -> MaintenanceSection:
        given = [key for key in ("start", "end", "schedule", "length") if getattr(self, key) is not None]
        if given not in (["start", "end"], ["schedule", "length"]):
            raise ValueError("needs either `start` and `end`, or `schedule` and `length`")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("`end` must come after `start`")
        self.window()
        return self

    def window(self) -> Window:
        """As the model has it. Raises ValueError for a schedule that cron would refuse."""
        if self.start is not None and self.end is not None:
            return Window(self.why, Once(self.start, self.end), tuple(self.jobs))
        assert self.schedule is not None and self.length is not None, "checked when it was read"
        try:
            schedule = parse_schedule(self.schedule)
        except FieldError as error:
            raise ValueError(f"schedule: {error.message}") from None
        if schedule.reboot:
            raise ValueError("schedule: a window needs times")
        return Window(self.why, Recurring(schedule, self.length), tuple(self.jobs))


class RetentionSection(Section):
    """`[retention]`: how long history is kept."""

    runs_days: int = Field(default=90, ge=1)
    runs_per_job: int | None = Field(default=None, ge=1)
    keep_last_failures: int = Field(default=10, ge=0)
    output_mb: int | None = Field(default=None, ge=1)
    releases: int = Field(default=3, ge=1)


def _url(url: str) -> str:
    """An address may hold a password, so it is in no error."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", url):
        raise ValueError("an address is written SCHEME://…")
    return url


def _web_url(url: str) -> str:
    if not re.fullmatch(r"https?://\S+", url):
        raise ValueError("an address is written https://…")
    return url


class TargetSection(Section):
    """What `[[notify]]` and `[[ping]]` share: a name, an address or where it stands, and which jobs."""

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    url: Annotated[str, AfterValidator(_url)] | None = Field(default=None, repr=False)
    url_env: str | None = Field(default=None, min_length=1)
    url_file: str | None = Field(default=None, min_length=1)
    jobs: list[str] = []

    @model_validator(mode="after")
    def _one_address(self) -> TargetSection:
        if [self.url, self.url_env, self.url_file].count(None) != 2:
            raise ValueError("needs one of `url`, `url_env` and `url_file`")
        return self


def _one_kind(kind: Any) -> Any:
    """TOML has texts."""
    return Kind(kind) if kind in list(Kind) else kind


class NotifySection(TargetSection):
    """One of `[[notify]]`: who is told of what, and when."""

    when: list[Annotated[Kind, BeforeValidator(_one_kind)]] = Field(default=list(DEFAULT_WHEN), min_length=1)
    after: int | None = Field(default=None, ge=1)
    quiet: str | None = None
    zone: Zone = "UTC"
    digest: Annotated[Seconds, Field(ge=0, le=86_400)] = 0.0
    daily_cap: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _readable_quiet(self) -> NotifySection:
        self.quiet_hours()
        return self

    def quiet_hours(self) -> Quiet | None:
        """As the model has them. Raises ValueError."""
        return None if self.quiet is None else parse_quiet(self.quiet, ZoneInfo(self.zone))


class PingSection(TargetSection):
    """One of `[[ping]]`: a service that watches us is told when runs start and how they end."""


class DaemonSection(Section):
    """`[daemon]`: the daemon's own sign of life."""

    ping_url: Annotated[str, AfterValidator(_web_url)] | None = Field(default=None, repr=False)
    ping_every: Annotated[Seconds, Field(ge=5, le=86_400)] = 60.0


class WebSection(Section):
    """`[web]`: the page. Without a token only this host may look."""

    listen: str = "127.0.0.1:8090"
    token_file: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _kept_in(self) -> WebSection:
        if self.listen and self.token_file is None and not _is_loopback(self.address[0]):
            raise ValueError(f"listen = {self.listen!r} is open to other hosts, so it needs a `token_file`")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; port 0 is any that is free. Raises ValueError."""
        host, colon, port = self.listen.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
            raise ValueError('`listen` is written "HOST:PORT", as in "127.0.0.1:8090"; "" for no page')
        return host.removeprefix("[").removesuffix("]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ConfigFile(Section):
    """config.toml as a whole."""

    cronbox: CronboxSection = CronboxSection()
    defaults: dict[str, Any] = {}
    boxes: dict[Name, BoxSection] = {}
    lint: LintSection = LintSection()
    maintenance: list[MaintenanceSection] = []
    retention: RetentionSection = RetentionSection()
    notify: list[NotifySection] = []
    ping: list[PingSection] = []
    daemon: DaemonSection = DaemonSection()
    web: WebSection = WebSection()

    @property
    def targets(self) -> dict[str, NotifySection | PingSection]:
        """`[[notify]]` and `[[ping]]` by name; one without has its place: `notify-1`."""
        found: dict[str, NotifySection | PingSection] = {}
        found |= {section.name or f"notify-{n}": section for n, section in enumerate(self.notify, 1)}
        found |= {section.name or f"ping-{n}": section for n, section in enumerate(self.ping, 1)}
        return found


class BoxConfig:
    """A box with all that is known of it before an engine is asked: its section, policy and folders."""

    def __init__(
        self, root: Path, name: str, section: BoxSection, policy: Policy, windows: tuple[Window, ...] = ()
    ) -> None:
        self.root = root
        self.name = name
        self.section = section
        self.policy = policy
        self.windows = windows
        """Maintenance windows, of this box or of others."""

    @property
    def crontabs(self) -> Path:
        """The folder of its crontab files; may be absent."""
        return self.root / "crontabs" / self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.section.timezone)

    def path(self, relative: str) -> Path:
        """A path of config.toml, seen from the config's folder."""
        return (self.root / Path(relative).expanduser()).resolve()

    @cached_property
    def env(self) -> tuple[tuple[str, str], ...]:
        """`env_file` first, `env` over it, sorted by name."""
        from_file = read_env_file(self.path(self.section.env_file)) if self.section.env_file else {}
        return tuple(sorted({**from_file, **self.section.env}.items()))


class Config:
    """A checked config: the file's sections, and every box, declared or only a folder under `crontabs/`."""

    def __init__(self, path: Path, file: ConfigFile, boxes: dict[str, BoxConfig]) -> None:
        self.path = path
        self.root = path.parent
        self.file = file
        self.boxes = boxes

    @property
    def project(self) -> str:
        """The name that containers, images and volumes carry: `[cronbox] project`, else the folder's."""
        return self.file.cronbox.project or _project_from(self.root)

    @property
    def state_dir(self) -> Path:
        return (self.root / Path(self.file.cronbox.state_dir).expanduser()).resolve()

    @property
    def database_url(self) -> str:
        return self.file.cronbox.database or f"sqlite:///{self.state_dir / 'cronbox.db'}"

    @property
    def shares_database(self) -> bool:
        """Whether daemons on several hosts may use the database; a SQLite file is one host's."""
        return not self.database_url.startswith("sqlite")

    @property
    def selection(self) -> Selection:
        """The rules that `[lint]` chooses."""
        from cronbox.model.lint.selection import read_selection

        return read_selection(self.file.lint.model_dump())

    def box(self, name: str) -> BoxConfig:
        """The box of that name. Raises NotFound."""
        try:
            return self.boxes[name]
        except KeyError:
            known = ", ".join(sorted(self.boxes)) or "none"
            raise NotFound(f"no box {name!r} in {self.path}", hint=f"boxes: {known}") from None


def load_config(path: Path) -> Config:
    """Read and check config.toml. Raises ConfigError with every problem in it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no file {path}", hint="`cronbox init` writes an example") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    return check_config(path, raw)


def check_config(path: Path, raw: dict[str, Any]) -> Config:
    """A parsed config.toml -> Config. Raises ConfigError with every problem in it."""
    problems: list[str] = []
    policies = _take_policies(raw, problems)
    try:
        file = ConfigFile.model_validate(raw)
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors()]
        raise _refused(path, problems) from None
    windows = tuple(section.window() for section in file.maintenance)
    boxes = {
        name: BoxConfig(
            path.parent, name, file.boxes.get(name, BoxSection()), policies.get(name, policies[""]), windows
        )
        for name in sorted({*file.boxes, *_folders(path.parent, problems)})
    }
    for box in boxes.values():
        problems += _missing_files(box)
    for where, sections in (("maintenance", file.maintenance), ("notify", file.notify), ("ping", file.ping)):
        problems += _unknown_targets(where, sections, boxes)
    problems += _targets_of_one_name(file)
    problems += _no_token_file(path.parent, file.web)
    problems += _unknown_notify(policies, file)
    if problems:
        raise _refused(path, problems)
    return Config(path, file, boxes)


def _take_policies(raw: dict[str, Any], problems: list[str]) -> dict[str, Policy]:
    """Move the job keys out of `defaults` and every box, as policies: "" is for boxes that say nothing."""
    base = _policy(raw.pop("defaults", {}), Policy(), "defaults", problems)
    policies = {"": base}
    boxes = raw.get("boxes", {})
    for name, section in boxes.items() if isinstance(boxes, dict) else ():
        if isinstance(section, dict):
            keys = {key: section.pop(key) for key in list(section) if key.replace("_", "-") in _JOB_KEYS}
            policies[name] = _policy(keys, base, f"boxes.{name}", problems)
    return policies


_JOB_KEYS = frozenset(KEYS) - OF_ONE_JOB


def _policy(values: object, base: Policy, where: str, problems: list[str]) -> Policy:
    if not isinstance(values, dict):
        problems.append(f"{where}: must be a table")
        return base
    policy = base
    for key, value in values.items():
        try:
            policy = policy_from({key.replace("_", "-"): value}, policy)
        except ValueError as error:
            problems.append(f"{where}.{key}: {error}")
    return policy


def _problem(detail: Any) -> str:
    """One of pydantic's findings as `path: what`."""
    where = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}"


def _refused(path: Path, problems: list[str]) -> ConfigError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ConfigError(f"{path} has {count}", problems=problems, hint="docs/config.md lists every key")


def _folders(root: Path, problems: list[str]) -> Iterator[str]:
    """Boxes that are only a folder under crontabs/."""
    top = root / "crontabs"
    for folder in sorted(top.iterdir()) if top.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        if BOX_NAME.fullmatch(folder.name):
            yield folder.name
        else:
            problems.append(f"crontabs/{folder.name}: a box's name has small letters, digits, `-` and `_`")


def _no_token_file(root: Path, web: WebSection) -> Iterator[str]:
    if web.token_file is not None:
        path = (root / Path(web.token_file).expanduser()).resolve()
        if not path.is_file():
            yield f"web.token_file: no file {path}"


def _targets_of_one_name(file: ConfigFile) -> Iterator[str]:
    if len(file.targets) != len(file.notify) + len(file.ping):
        yield "notify, ping: two have the same name"


def _unknown_notify(policies: Mapping[str, Policy], file: ConfigFile) -> Iterator[str]:
    """Targets that jobs are to be told to, and that there are not."""
    for box, policy in policies.items():
        for name in sorted({*(policy.notify or ())} - {*file.targets}):
            yield f"{f'boxes.{box}' if box else 'defaults'}.notify: no target {name!r}"


def _unknown_targets(
    where: str, sections: Sequence[MaintenanceSection | TargetSection], boxes: Mapping[str, BoxConfig]
) -> Iterator[str]:
    """Sections for boxes that there are not."""
    for index, section in enumerate(sections):
        for target in section.jobs:
            if target.partition("/")[0] not in boxes:
                yield f"{where}.{index}.jobs: no box {target.partition('/')[0]!r}"


def _missing_files(box: BoxConfig) -> Iterator[str]:
    """Every file or folder that the box's section names and that is not there."""
    section, where = box.section, f"boxes.{box.name}"
    for key, kind in (("pip", "file"), ("dockerfile", "file"), ("env_file", "file"), ("scripts", "folder")):
        relative = getattr(section, key)
        if relative is not None:
            path = box.path(relative)
            if not (path.is_dir() if kind == "folder" else path.is_file()):
                yield f"{where}.{key}: no {kind} {path}"
    for index, mount in enumerate(section.mounts):
        if "/" in mount.source and not box.path(mount.source).exists():
            yield f"{where}.mounts.{index}.source: no file or folder {box.path(mount.source)}"
    if section.env_file is not None and box.path(section.env_file).is_file():
        try:
            read_env_file(box.path(section.env_file))
        except ValueError as error:
            yield f"{where}.env_file: {error}"


def read_env_file(path: Path) -> dict[str, str]:
    """Docker's env-file format: `NAME=value` lines, `#` comments; a bare `NAME` takes our own value.

    Values are taken as they stand, quotes and all. Raises ValueError with the line that is none of these.
    Source: https://docs.docker.com/reference/cli/docker/container/run/#env
    """
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.lstrip().partition("=")
        if not name or any(blank in name for blank in " \t"):
            raise ValueError(f"{path}:{number}: {name!r} is not the name of a variable")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def _project_from(root: Path) -> str:
    cleaned = re.sub(r"[^a-z0-9_.-]+", "-", root.name.lower()).strip("-_.")
    return cleaned or "cronbox"
