"""A day's load as a picture: an hour a row, five minutes a cell, darker where more jobs start."""

from __future__ import annotations

from cronbox.cli import show
from cronbox.model.load import BUCKET_MINUTES, BUCKETS, DayLoad

WIDTH = 4
"""Characters of a cell; with the hours and their sums a row has 61."""
SHADES = ((" ", ""), ("░", "green"), ("▒", "yellow"), ("▓", "bright_red"), ("█", "red"))


def draw(load: DayLoad, *, zone: str) -> None:
    """Print the picture: characters alone tell it, colours help on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    minutes = "".join(f":{bucket * BUCKET_MINUTES:02}".ljust(WIDTH) for bucket in range(BUCKETS))
    console.print(f"{load.day:%a %Y-%m-%d}, starts by the clock of {zone}", markup=False)
    console.print(f"      {minutes} starts", markup=False)
    for hour, row in enumerate(load.cells):
        line = Text(f"{hour:02}:00 ")
        for count in row:
            shade, colour = SHADES[load.shade(count, len(SHADES))]
            line.append(shade * WIDTH, colour)
        line.append(f" {sum(row):6}")
        console.print(line)
    console.print(_summary(load), markup=False)


def _summary(load: DayLoad) -> str:
    if not load.total:
        return "Nothing is due that day."
    minute, most = load.busiest
    return f"{show.counted(load.total, 'start')}; most in one minute: {most}, at {minute:%H:%M}"
