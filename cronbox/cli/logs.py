"""`cronbox logs`: what jobs printed."""

from __future__ import annotations

import json as json_format
import re
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cronbox.cli import complete, show
from cronbox.cli.args import Json, Since, parse_moment, parse_target
from cronbox.cli.context import site_of
from cronbox.cli.fail import note
from cronbox.cli.find import check_known, find_run, up_to_date
from cronbox.errors import NotFound, UsageError
from cronbox.model.event import format_time

if TYPE_CHECKING:
    from cronbox.ops import Site
    from cronbox.store import OutputLine

app = typer.Typer()
FOLLOW_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of one run, or of a box and perhaps one job of it."""

    box: str
    job: str | None
    run: str | None
    since: datetime | None
    stream: str | None
    grep: re.Pattern[str] | None

    def takes(self, line: OutputLine) -> bool:
        late_enough = self.since is None or line.t >= self.since
        return late_enough and (self.grep is None or self.grep.search(line.text) is not None)


@app.command(rich_help_panel="Runs")
def logs(
    ctx: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="BOX|BOX/JOB|RUN", help="A box, a job or a run.", autocompletion=complete.targets
        ),
    ],
    follow: bool = typer.Option(
        False, "-f", "--follow", help="Go on with what comes; of a run, until it ends."
    ),
    number: Annotated[
        int | None, typer.Option("-n", "--tail", min=0, metavar="N", help="Only the last so many lines.")
    ] = None,
    since: Since = None,
    grep: Annotated[str | None, typer.Option("--grep", metavar="RE", help="Only lines that match.")] = None,
    stream: Annotated[
        Literal["out", "err"] | None,
        typer.Option("--stream", metavar="out|err", help="Only stdout, or stderr."),
    ] = None,
    json: Json = False,
) -> None:
    """Print what jobs printed, plain for a run, else with time, job and run."""
    site = site_of(ctx)
    wanted = replace(
        _target(site, target),
        since=parse_moment(since, now=site.now(), option="--since") if since else None,
        stream=stream,
        grep=_pattern(grep),
    )
    up_to_date(site, wanted.box)
    if wanted.run is not None and (pruned := site.store.pruned_at(wanted.run)):
        note(f"the output of this run was pruned on {show.moment_text(pruned)}")
    reader = _Reader(site, wanted)
    if json and not follow:
        show.as_json_list(line.as_json(wanted.box) for line in reader.written(number))
        return
    for line in reader.written(number):
        _print(wanted, line, json)
    for line in _followed(site, wanted, reader) if follow else ():
        _print(wanted, line, json)


def _target(site: Site, text: str) -> Wanted:
    """What the argument names: a box, a job, else a run. Raises NotFound."""
    target = parse_target(text)
    if target.job or target.box in site.config.boxes or site.store.cursor(target.box) is not None:
        check_known(site, target.box, target.job)
        return Wanted(target.box, target.job, None, None, None, None)
    try:
        run = find_run(site, text)
    except NotFound:
        raise NotFound(
            f"no box, and no run {text!r}", hint="`cronbox ps` and `cronbox runs` list them"
        ) from None
    return Wanted(run.box, run.job, run.id, None, None, None)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text is not None else None
    except re.error as error:
        raise UsageError(f"--grep {text!r} is not a regular expression: {error}") from None


class _Reader:
    """Reads the wanted lines from the store, and then those that came later."""

    def __init__(self, site: Site, wanted: Wanted) -> None:
        self._site = site
        self._wanted = wanted
        self._position: int | None = None

    def written(self, number: int | None) -> Iterable[OutputLine]:
        """What stands in the store now; the last `number` of it, where that is not None."""
        if number is None:
            return self._taken(self._all())
        if self._wanted.grep is None and self._wanted.since is None:
            last = self._last(max(number, 1))
            self._position = max((line.position for line in last), default=None)
            return last[len(last) - number :] if number < len(last) else last
        return deque(self._taken(self._all()), maxlen=number)

    def later(self) -> Iterator[OutputLine]:
        """What came into the store since the last reading."""
        return self._taken(self._all())

    def _taken(self, lines: Iterable[OutputLine]) -> Iterator[OutputLine]:
        for line in lines:
            self._position = max(self._position or 0, line.position)
            if self._wanted.takes(line):
                yield line

    def _all(self) -> Iterator[OutputLine]:
        store, wanted = self._site.store, self._wanted
        if wanted.run is not None:
            return store.output(wanted.run, stream=wanted.stream, after=self._position)
        return store.box_output(
            wanted.box, wanted.job, since=wanted.since, stream=wanted.stream, after=self._position
        )

    def _last(self, number: int) -> list[OutputLine]:
        store, wanted = self._site.store, self._wanted
        if wanted.run is not None:
            return store.tail_output(wanted.run, number, stream=wanted.stream)
        return store.tail_box_output(wanted.box, wanted.job, number, stream=wanted.stream)


def _followed(site: Site, wanted: Wanted, reader: _Reader) -> Iterator[OutputLine]:
    """What comes from now on: of a run until it has ended, of a box for ever."""
    while True:
        up_to_date(site, wanted.box)
        ended = wanted.run is not None and not site.store.run(wanted.run).status.is_open
        yield from reader.later()
        if ended:
            return
        sys.stdout.flush()
        time.sleep(FOLLOW_POLL_S)


def _print(wanted: Wanted, line: OutputLine, json: bool) -> None:
    if json:
        typer.echo(json_format.dumps(line.as_json(wanted.box)))
    elif wanted.run is not None:
        print(line.text, end="\n" if line.newline else "")
    else:
        head = f"{format_time(line.t)} {line.job}[{line.run[:4]}] {line.stream} | "
        print(head + line.text)
