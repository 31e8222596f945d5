"""The table at the end, in 100 columns."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Row

WIDTH = 100


def print_table(rows: Sequence[Row]) -> None:
    """Every row, and how many aims are met."""
    console = Console(width=WIDTH, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("measurement")
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("baseline", justify="right", no_wrap=True)
    table.add_column("which is")
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("aim", justify="right", no_wrap=True)
    table.add_column("met", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    judged = [row.met for row in rows if row.met is not None]
    console.print(
        f"{sum(judged)} of {len(judged)} aims met; {os.cpu_count()} cores; ratio = figure / baseline"
    )


def _cells(row: Row) -> tuple[str, ...]:
    figure, baseline = (f"{amount(value)} {row.unit}" for value in (row.figure, row.baseline))
    ratio = "-" if row.ratio is None else amount(row.ratio)
    aim = row.aim.text if row.aim else ""
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return row.name, figure, baseline, row.against, ratio, aim, met


def amount(value: float) -> str:
    """Three figures that count, and no more digits than a person reads."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
