"""Draw docs/terminal.svg: what a person sees, from the real commands in this project.

Run it where `make demo` has run. No host name, path or account is in what these commands print.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
CRONBOX = ROOT / ".venv" / "bin" / "cronbox"
COMMANDS = (
    ("ps",),
    ("run", "etl/reconcile-ledger", "--follow"),
    ("runs", "-n", "6"),
    ("next", "etl", "-n", "4"),
)


def main() -> None:
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    env = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "80"}
    for command in COMMANDS:
        console.print(Text.assemble(("$ ", "dim"), ("cronbox " + " ".join(command), "bold")))
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run([CRONBOX, *command], check=False, cwd=ROOT, env=env, **pipe)
        console.print(Text.from_ansi(done.stdout.decode()))
    picture = console.export_svg(title="cronbox")
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.S)
    (ROOT / "docs" / "terminal.svg").write_text(picture)


main()
