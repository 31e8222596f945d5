"""A box as a Docker container: the wanted state as API arguments, an inspection as the seen state."""

from __future__ import annotations

from typing import Any

from docker.types import LogConfig, Mount

from cronbox.engine import LABEL_BOX, LABEL_DIGEST, LABEL_PROJECT, LABEL_RELEASE
from cronbox.model.box import BoxSpec, SeenBox
from cronbox.model.box import Mount as BoxMount

CAPABILITIES = ("CHOWN", "KILL", "SETGID", "SETUID")
"""All that crond, the trigger and the agent need."""

STOP_SLACK = 15
"""Seconds on top of the box's grace before the engine kills: the agent's own kills and last log lines."""

WRITABLE_IN_MEMORY = {"/run": "rw,nosuid,nodev,mode=755", "/tmp": "rw,nosuid,nodev,exec,mode=1777"}
SECRETS_IN_MEMORY = {"/run/secrets": "rw,nosuid,nodev,noexec,mode=711,size=16m"}
"""Where jobs find theirs. In no layer, so in no image that somebody makes of the container."""
WRITABLE_ON_DISK = ("/etc/cron.d", "/etc/cronbox")
"""Of a read-only box: the installed crontab, in nameless volumes: it survives a restart."""

LOG_CONFIG = LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "3"})


def volumes(project: str, box: str) -> dict[str, str]:
    """The box's own volumes: name -> where they are mounted."""
    targets = {"log": "/log", "data": "/data", "secrets": "/var/lib/cronbox"}
    return {f"{project}-{box}-{name}": target for name, target in targets.items()}


def labels(project: str, box: str) -> dict[str, str]:
    """What every object of a box carries."""
    return {LABEL_PROJECT: project, LABEL_BOX: box}


def container_labels(spec: BoxSpec) -> dict[str, str]:
    own = {LABEL_RELEASE: str(spec.release), LABEL_DIGEST: spec.digest}
    return labels(spec.project, spec.box) | own


def host_config(spec: BoxSpec) -> dict[str, Any]:
    """Keyword arguments of the SDK's `create_host_config`."""
    return {
        "mounts": _mounts(spec),
        "network_mode": spec.network,
        "mem_limit": spec.memory,
        "memswap_limit": spec.memory,  # Equal to the memory: no swap on top, so that the limit is the limit.
        "nano_cpus": round(spec.cpus * 1e9) if spec.cpus else None,
        "read_only": spec.read_only,
        "tmpfs": SECRETS_IN_MEMORY | (WRITABLE_IN_MEMORY if spec.read_only else {}),
        "restart_policy": {"Name": "unless-stopped"},
        "cap_drop": ["ALL"],
        "cap_add": list(CAPABILITIES),
        "security_opt": ["no-new-privileges"],
        "log_config": LOG_CONFIG,
        "init": False,  # The agent is PID 1.
    }


def environment(spec: BoxSpec) -> dict[str, str]:
    """TZ comes from the box's time zone, whatever `env` says: crond, agent and jobs must agree. The agent
    writes the release into its log, and so into every run."""
    return dict(spec.env) | {"TZ": spec.timezone, "CRONBOX_RELEASE": str(spec.release)}


def _mounts(spec: BoxSpec) -> list[Mount]:
    own = [Mount(target, name, type="volume") for name, target in volumes(spec.project, spec.box).items()]
    writable = [Mount(target, None, type="volume") for target in WRITABLE_ON_DISK if spec.read_only]
    return own + writable + [_mount(mount) for mount in spec.mounts]


def _mount(mount: BoxMount) -> Mount:
    return Mount(mount.target, mount.source, type=mount.kind, read_only=mount.read_only)


def seen_box(inspected: dict[str, Any]) -> SeenBox:
    """The container that `docker inspect` shows."""
    state, own = inspected["State"], inspected["Config"]["Labels"]
    stands_still = state["Status"] in ("exited", "dead")
    started = state["StartedAt"]
    return SeenBox(
        box=own[LABEL_BOX],
        container=inspected["Id"],
        state=state["Status"],
        digest=own.get(LABEL_DIGEST, ""),
        release=int(own.get(LABEL_RELEASE, 0)),
        image=inspected["Image"],
        exit_code=state["ExitCode"] if stands_still else None,
        oom_killed=state["OOMKilled"],
        started_at=None if started.startswith("0001-") else started,
    )


SHOWN: dict[str, tuple[str, ...]] = {
    "State": ("Status", "ExitCode", "OOMKilled", "Error", "StartedAt", "FinishedAt", "Pid"),
    "HostConfig": (
        *("Memory", "MemorySwap", "NanoCpus", "NetworkMode", "RestartPolicy", "ReadonlyRootfs"),
        *("CapAdd", "CapDrop", "SecurityOpt", "LogConfig"),
    ),
    "Config": ("User", "StopSignal", "Entrypoint", "Cmd"),
}
"""What of `docker inspect` holds no value of a variable."""


def reduced(inspected: dict[str, Any]) -> dict[str, Any]:
    """`docker inspect` without what may be secret."""
    shown: dict[str, Any] = {key: inspected.get(key) for key in ("Id", "Created", "Image", "RestartCount")}
    for part, keys in SHOWN.items():
        shown[part] = {key: inspected.get(part, {}).get(key) for key in keys}
    config = inspected["Config"]
    shown["Config"]["Env"] = sorted(line.partition("=")[0] for line in config.get("Env") or ())
    own = (config.get("Labels") or {}).items()
    shown["Config"]["Labels"] = {name: value for name, value in own if name.startswith("cronbox.")}
    keys = ("Type", "Name", "Source", "Destination", "RW")
    shown["Mounts"] = [{key: mount.get(key) for key in keys} for mount in inspected.get("Mounts", ())]
    return shown
