"""Commands on what jobs say about themselves: results, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from cronbox.cli import show
from cronbox.cli.args import Count, JobName, Json, parse_job
from cronbox.cli.context import site_of
from cronbox.cli.find import check_known, up_to_date
from cronbox.model.event import format_time
from cronbox.model.result import number_in, numbers_in
from cronbox.model.run import Run

app = typer.Typer()
PANEL = "Runs"
DEFAULT_COUNT = 20
BLOCKS = "▁▂▃▄▅▆▇█"
BAR_WIDTH = 30


@app.command(rich_help_panel=PANEL)
def results(
    ctx: typer.Context,
    job: JobName,
    number: Count = DEFAULT_COUNT,
    key: Annotated[str | None, typer.Option("--key", metavar="K", help="Only this one, run by run.")] = None,
    json: Json = False,
) -> None:
    """Show what the last runs of a job said of themselves in CRONBOX_RESULT."""
    box, name = parse_job(job)
    site = site_of(ctx)
    up_to_date(site, box)
    said = [run for run in site.store.results(box, name, number or DEFAULT_COUNT) if _says(run, key)]
    if not said:
        check_known(site, box, name)
    if json:
        show.as_json([_as_json(run, key) for run in said])
    elif not said:
        typer.echo(f"No run of {job} has said anything{f' of {key}' if key else ''} yet.")
    elif key is None:
        _print_keys(said, site.now())
    else:
        _print_values(said, key, site.now())


def _says(run: Run, key: str | None) -> bool:
    return key is None or key in (run.result or {})


def _as_json(run: Run, key: str | None) -> dict[str, Any]:
    result = {name: value for name, value in (run.result or {}).items() if key in (None, name)}
    slot = format_time(run.scheduled_for) if run.scheduled_for else None
    started = format_time(run.started_at) if run.started_at else None
    return {
        "run": run.id,
        "scheduled_for": slot,
        "started_at": started,
        "status": run.status.value,
        "result": result,
    }


def _print_keys(newest_first: Sequence[Run], now: datetime) -> None:
    """A line for each key: its last value, and how its numbers went, the oldest on the left."""
    columns = [show.Column("KEY", keep=12), show.Column("LAST", keep=12), show.Column("WHEN")]
    columns += [show.Column("LEAST", right=True), show.Column("MOST", right=True), show.Column("TREND")]
    keys = dict.fromkeys(name for run in newest_first for name in run.result or {})
    show.table(columns, (_key_row(name, newest_first, now) for name in keys))


def _key_row(key: str, newest_first: Sequence[Run], now: datetime) -> tuple[str, ...]:
    last = next(run for run in newest_first if _says(run, key))
    found = [numbers_in(run.result or {}).get(key) for run in reversed(newest_first)]
    numbers = [number for number in found if number is not None]
    least, most = (f"{min(numbers):g}", f"{max(numbers):g}") if numbers else (show.NOTHING, show.NOTHING)
    assert last.result is not None, "it says the key"
    return key, last.result[key], show.age(last.at, now=now), least, most, sparkline(numbers)


def _print_values(newest_first: Sequence[Run], key: str, now: datetime) -> None:
    """A line for each run, with a bar as long as its number."""
    values = [(run, (run.result or {})[key]) for run in newest_first]
    numbers = [number for _, value in values if (number := number_in(value)) is not None]
    most = max((abs(number) for number in numbers), default=0.0)
    columns = [show.Column("RUN"), show.Column("STATUS"), show.Column("WHEN")]
    columns += [show.Column(key.upper(), keep=12, right=bool(numbers)), show.Column("")]
    rows = (
        (run.id[:8], run.status.value, show.age(run.at, now=now), value, _bar(number_in(value), most))
        for run, value in values
    )
    show.table(columns, rows)


def sparkline(numbers: Sequence[float]) -> str:
    """A block for each number, from the lowest for the least to the highest for the most."""
    if not numbers:
        return ""
    top = len(BLOCKS) - 1
    scaled = [number / top for number in numbers]  # First, so that no difference is beyond a float.
    least, step = min(scaled), (max(scaled) - min(scaled)) / top
    if step == 0:
        return BLOCKS[3] * len(numbers)
    return "".join(BLOCKS[round((number - least) / step)] for number in scaled)


def _bar(number: float | None, most: float) -> str:
    """A bar as long as the number is large, whatever its sign."""
    if number is None or most == 0:
        return ""
    return "█" * round(BAR_WIDTH * abs(number) / most) or "▏"


@app.command(rich_help_panel=PANEL)
def metrics(ctx: typer.Context) -> None:
    """Print figures of all jobs for Prometheus."""
    from cronbox.ops.metrics import exposition

    site = site_of(ctx)
    up_to_date(site, None)
    typer.echo(exposition(site), nl=False)
