"""A run that has begun is on record before anything else happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cronbox.agent.console import Console
from cronbox.agent.journal import Journal
from cronbox.agent.log import Log
from cronbox.agent.loop import Loop
from cronbox.agent.oom import Memory
from cronbox.agent.request import Request, Trigger
from cronbox.agent.runs import Runs
from cronbox.agent.secrets import Vault
from tests.agent.builders import a_job, a_root


def test_that_a_run_has_begun_is_written_down_before_the_agent_does_anything_else(tmp_path: Path) -> None:
    paths = a_root(tmp_path)
    for folder in (paths.log_dir, paths.results):
        Path(folder).mkdir(parents=True, exist_ok=True)
    log = Log(paths.log_dir, segment=1 << 20, total=1 << 22)
    runs = Runs(
        Loop(lambda error: None),
        Journal(log, Console(os.open(os.devnull, os.O_WRONLY))),
        lambda finished: None,
        results=paths.results,
        vault=Vault(paths),
        memory=Memory(paths.cgroup),
    )
    runs.start(Request("r1", a_job(), Trigger.MANUAL), None)
    [told] = [json.loads(line) for line in Path(paths.log_dir, "cron.log").read_text().splitlines()]
    os.waitpid(told["pid"], 0)
    assert (told["type"], told["run"]) == ("started", "r1")
