"""How answers look on a terminal: tables within 80 columns, times and ages for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import typer

from cronbox.model.moments import NOTHING as NOTHING
from cronbox.model.moments import age as age
from cronbox.model.moments import span as span

if TYPE_CHECKING:
    from rich.text import Text

    from cronbox.ops.holds import Held

GAP = 2
"""Blanks between two columns."""

STYLES = {
    "running": "green",
    "succeeded": "green",
    "ok": "green",
    "queued": "cyan",
    "draining": "cyan",
    "stopped": "dim",
    "paused": "yellow",
    "skipped": "yellow",
    "warn": "yellow",
    "degraded": "red",
    "missing": "red",
    "orphan": "yellow",
    "failed": "red",
    "fail": "red",
    "timed_out": "red",
    "killed": "red",
    "lost": "red",
    "missed": "red",
}
"""The colour of a state, wherever it stands in a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. When the line is full it may be cut with an ellipsis down to `keep` characters;
    not at all where that is None."""

    title: str
    keep: int | None = None
    right: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles, as wide as the terminal; 80 columns where there is none."""
    from rich.console import Console
    from rich.table import Table

    cells = [[_cell(text) for text in row] for row in rows]
    natural = [max(len(c.title), *(row[n].cell_len for row in cells)) for n, c in enumerate(columns)]
    console = Console(highlight=False)
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, width in zip(columns, _widths(columns, natural, console.width), strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        drawn.add_column(column.title, justify=justify, width=width, no_wrap=True, overflow="ellipsis")
    for row in cells:
        drawn.add_row(*row)
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def _widths(columns: Sequence[Column], natural: Sequence[int], line: int) -> list[int]:
    """The columns' widths in a line of so many characters: the widest that may be cut is cut first."""
    widths = list(natural)
    surplus = sum(widths) + GAP * len(widths) - line
    for _ in range(surplus):
        room = [
            width if c.keep is not None and width > c.keep else 0
            for c, width in zip(columns, widths, strict=True)
        ]
        if not any(room):
            break
        widths[room.index(max(room))] -= 1
    return widths


def _cell(text: str) -> Text:
    from rich.text import Text

    return Text(printable(text), style=STYLES.get(text, ""))


def printable(text: str) -> str:
    """The text with whatever could move the cursor or break the line shown as an escape."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def as_json(answer: object) -> None:
    """Print one JSON document."""
    import json

    typer.echo(json.dumps(answer, indent=2, ensure_ascii=True))


def as_json_list(answers: Iterable[object]) -> None:
    """Print one JSON document, a list, without having all of it at hand."""
    import json

    opened = False
    for answer in answers:
        typer.echo(",\n" if opened else "[\n", nl=False)
        typer.echo(json.dumps([answer], indent=2, ensure_ascii=True)[2:-2], nl=False)
        opened = True
    typer.echo("\n]" if opened else "[]")


def moment_text(moment: datetime | None) -> str:
    """`2026-11-23 21:00:07 CET` in the zone of this machine; `-` for nothing."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if moment else NOTHING


def minute_text(moment: datetime) -> str:
    """`Mon 2026-11-23 21:00 CET` in the zone the moment carries."""
    return moment.strftime("%a %Y-%m-%d %H:%M %Z")


def hold_words(hold: Held) -> str:
    """`paused: the database moves, until 2026-11-23 21:00:00 CET, by ann@host`."""
    until = f", until {moment_text(hold.until)}" if hold.until else ""
    return f"{hold.why}{until}{f', by {hold.by}' if hold.by else ''}"


def counted(number: int, noun: str) -> str:
    """`1 error`, `3 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def status_words(status: str) -> str:
    """`timed out` for `timed_out`; the verb of a sentence about a run."""
    return {"killed": "was killed", "skipped": "was skipped", "lost": "was lost"}.get(
        status, status.replace("_", " ")
    )


def verdict(level: str, text: str) -> None:
    """One line that begins with `ok`, `warn` or `fail`, coloured on a terminal; never cut."""
    from rich.console import Console

    line = _cell(f"{level:<5} {text}")
    line.stylize(STYLES.get(level, ""), 0, len(level))
    Console(highlight=False, soft_wrap=True).print(line)
