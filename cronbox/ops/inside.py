"""Step inside a box: commands with the terminal's own streams, and what is installed there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cronbox.engine import AGENT, Engine
from cronbox.errors import BoxNotRunning, EngineError, NotFound
from cronbox.model.box import SeenBox
from cronbox.ops import Site


def box_inside(site: Site, name: str) -> SeenBox:
    """The running container of a box. Raises NotFound, or BoxNotRunning with what to do."""
    seen = next((box for box in site.engine.boxes(site.project) if box.box == name), None)
    if seen is None:
        if name not in site.config.boxes:
            known = ", ".join(sorted(site.config.boxes)) or "none"
            raise NotFound(f"no box {name!r}", hint=f"boxes: {known}")
        raise BoxNotRunning(f"{name} has no container", hint=f"`cronbox up {name}` makes it")
    if not seen.running:
        raise BoxNotRunning(f"{name} is {seen.state}", hint=f"`cronbox up {name}` starts it")
    return seen


def step_inside(site: Site, box: str, command: Sequence[str], *, user: str, tty: bool) -> int:
    """Run a command in the box with this process's own stdin, stdout and stderr -> its exit code."""
    return site.engine.interactive(box_inside(site, box).container, command, user=user, tty=tty)


def ask_agent(engine: Engine, container: str, verb: str) -> dict[str, Any]:
    """The JSON object that a verb of the agent prints. Raises EngineError with the agent's words."""
    said = engine.exec(container, [*AGENT, verb])
    try:
        answer = json.loads(said.stdout) if said.exit_code == 0 else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        words = said.stderr.decode(errors="replace").strip() or f"exit code {said.exit_code}"
        raise EngineError(
            f"the agent could not answer {verb!r}: {words}", hint="`cronbox doctor` looks closer"
        )
    return answer


def installed_crontab(site: Site, box: str) -> str:
    """The crontab file that is installed in the box now."""
    return str(ask_agent(site.engine, box_inside(site, box).container, "installed")["crontab"])


def send(engine: Engine, container: str, command: dict[str, object]) -> None:
    """Hand one command to the box's agent. Raises EngineError with the agent's words."""
    sent = engine.exec(container, [*AGENT, "send"], stdin=json.dumps(command).encode())
    if sent.exit_code != 0:
        raise EngineError(f"the agent took no command: {sent.stderr.decode(errors='replace').strip()}")
