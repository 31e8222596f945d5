"""The example's scripts, run as the box runs them: one process each, with a data folder of their own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "etl"


@dataclass(frozen=True)
class Box:
    """Stands for the box: `data` is its /data, `scripts` its /scripts."""

    data: Path
    scripts: Path = SCRIPTS

    def run(
        self, script: str, *arguments: str, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """One job, to its end."""
        paths = {"DATA_DIR": str(self.data), "SCRIPTS_DIR": str(self.scripts), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, str(SCRIPTS / script), *arguments],
            env={"PATH": os.environ["PATH"], **paths, **env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def load(self) -> Box:
        """Extract and load, which must both succeed."""
        for script in ("extract.py", "load_orders.py"):
            done = self.run(script)
            assert done.returncode == 0, done.stderr
        return self

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "warehouse.db")) as warehouse:
            return warehouse.execute(query).fetchall()
