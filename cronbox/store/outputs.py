"""Output: the lines that runs printed, in batches as the agent wrote them, each compressed.

A batch is `[[t, stream, text], …]` as in the log, t in seconds since the run's start; a fourth element
`false` says that the line had no newline. Readers take a few batches at a time, so that output of any size
can be read in little memory, and no read holds the database between them.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import zstandard
from sqlalchemy import ColumnElement, Engine, Row, Select, bindparam, insert, select, update

from cronbox.model.event import format_time
from cronbox.store.database import Transaction, transaction
from cronbox.store.statement import Lookup, Rows, Statement, micros
from cronbox.store.tables import OUTPUT, OUTPUT_SIZE, RUN

STREAMS = frozenset({"out", "err", "note"})
PAGE = 64
"""Batches read at a time."""

SETTLED = timedelta(seconds=5)
"""How long the agent keeps a line before it hands it on, at most; but for a tail that it held back."""

NEW = Rows(OUTPUT, ["run", "box", "job", "at", "lines"])
KEYS = Lookup(RUN.c.id, select(RUN.c.id, RUN.c.pk))
SIZE_OF = OUTPUT_SIZE.c.bytes
GROW = Statement(
    update(OUTPUT_SIZE)
    .where(OUTPUT_SIZE.c.box == bindparam("box_"))
    .values(bytes=SIZE_OF + bindparam("more", type_=SIZE_OF.type)),
    ["more", "box_"],
)
BEGIN_SIZE = Statement(insert(OUTPUT_SIZE), ["bytes", "box"])
ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

BATCH_COLUMNS = (OUTPUT.c.pk, OUTPUT.c.at, OUTPUT.c.lines, OUTPUT.c.job, RUN.c.id, RUN.c.started_at)


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line that a run printed. `t` is aware UTC. Bytes that were not UTF-8 are surrogates, as Python's
    `surrogateescape` makes them. `stream` is out, err, or note for what the agent has to say itself.
    Following on `after=position` gives the lines that came later."""

    t: datetime
    stream: str
    text: str
    newline: bool
    job: str
    run: str
    position: int

    def as_json(self, box: str) -> dict[str, Any]:
        """The line as `logs --json` and the API show it; bytes that were not UTF-8 are surrogates, U+DC80 to
        U+DCFF."""
        return {
            "t": format_time(self.t),
            "box": box,
            "job": self.job,
            "run": self.run,
            "stream": self.stream,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class OutputBatch:
    """Lines on their way into the store."""

    run: str
    job: str
    at: datetime
    lines: Sequence[Sequence[Any]]


def add(tx: Transaction, box: str, batches: Sequence[OutputBatch]) -> None:
    """Write batches of a box in the order of its log. Their runs must be there."""
    compress = zstandard.ZstdCompressor().compress
    found = KEYS.query(tx, dict.fromkeys(batch.run for batch in batches))
    keys = {row[0]: row[1] for row in found}
    rows = [(keys[b.run], box, b.job, micros(b.at), compress(packed(b.lines))) for b in batches]
    NEW.put(tx, rows)
    grow(tx, box, sum(len(row[-1]) for row in rows))


def grow(tx: Transaction, box: str, size: int) -> None:
    """Note that the batches of a box take so many bytes more, or less."""
    if size and GROW.change(tx, [size, box]) == 0:
        BEGIN_SIZE.change(tx, [size, box])


def packed(lines: Sequence[Sequence[Any]]) -> bytes:
    """JSON in ASCII: surrogates, which no encoding takes, become escapes."""
    return ENCODE(lines).encode("ascii")


def of_run(engine: Engine, run: str, *, stream: str | None, after: int | None) -> Iterator[OutputLine]:
    """The lines of a run in order, those behind position `after`."""
    key = select(RUN.c.pk).where(RUN.c.id == run).scalar_subquery()
    pages = _pages(engine, [OUTPUT.c.run == key], after or 0)
    return _of_stream((line for row in pages for line in _lines(row)), stream)


def end_of_run(engine: Engine, run: str, n: int, *, stream: str | None) -> list[OutputLine]:
    """The last `n` lines of a run."""
    key = select(RUN.c.pk).where(RUN.c.id == run).scalar_subquery()
    query = _batches([OUTPUT.c.run == key]).order_by(OUTPUT.c.run.desc(), OUTPUT.c.pk.desc())
    return _end(engine, query, n, stream)


def of_box(
    engine: Engine,
    box: str,
    job: str | None,
    *,
    since: datetime | None,
    stream: str | None,
    after: int | None,
) -> Iterator[OutputLine]:
    """The lines of a box, or of one job, in the order of time, those of batches behind position `after`."""
    conditions = _of_job(box, job)
    if after is not None:
        conditions.append(OUTPUT.c.pk > after)
    pages = _timed_pages(engine, conditions, since or _time_of(engine, after))
    for line in _of_stream(_merged(pages), stream):
        if since is None or line.t >= since:
            yield line


def end_of_box(engine: Engine, box: str, job: str | None, n: int, *, stream: str | None) -> list[OutputLine]:
    """The last `n` lines of a box, or of one job."""
    query = _batches(_of_job(box, job)).order_by(OUTPUT.c.at.desc(), OUTPUT.c.pk.desc())
    return sorted(_end(engine, query, n, stream), key=lambda line: line.t)


def _of_job(box: str, job: str | None) -> list[ColumnElement[bool]]:
    return [OUTPUT.c.box == box] if job is None else [OUTPUT.c.box == box, OUTPUT.c.job == job]


def _batches(conditions: Iterable[ColumnElement[bool]]) -> Select[Any]:
    return select(*BATCH_COLUMNS).join(RUN, RUN.c.pk == OUTPUT.c.run).where(*conditions)


def _pages(engine: Engine, conditions: list[ColumnElement[bool]], after: int) -> Iterator[Row[Any]]:
    """Batches in the order of the log, read a page at a time."""
    while True:
        query = _batches([*conditions, OUTPUT.c.pk > after]).order_by(OUTPUT.c.pk).limit(PAGE)
        rows = _read(engine, query)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].pk


def _timed_pages(
    engine: Engine, conditions: list[ColumnElement[bool]], begin: datetime | None
) -> Iterator[Row[Any]]:
    """Batches as they were written from a time on, read a page at a time."""
    start = [OUTPUT.c.at >= begin] if begin else []
    while True:
        query = _batches([*conditions, *start]).order_by(OUTPUT.c.at, OUTPUT.c.pk).limit(PAGE)
        rows = _read(engine, query)
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]
        behind = (OUTPUT.c.at > last.at) | ((OUTPUT.c.at == last.at) & (OUTPUT.c.pk > last.pk))
        start = [OUTPUT.c.at >= last.at, behind]


def _time_of(engine: Engine, position: int | None) -> datetime | None:
    """When the batch at a position was written."""
    if position is None:
        return None
    with transaction(engine, writing=False) as tx:
        return tx.execute(select(OUTPUT.c.at).where(OUTPUT.c.pk == position)).scalar()


def _merged(batches: Iterable[Row[Any]]) -> Iterator[OutputLine]:
    """Lines of batches that overlap in time, in order: a line is due once no later batch precedes it."""
    waiting: list[tuple[datetime, int, int, OutputLine]] = []
    for row in batches:
        while waiting and waiting[0][0] < row.at - SETTLED:
            yield heapq.heappop(waiting)[-1]
        for number, line in enumerate(_lines(row)):
            heapq.heappush(waiting, (line.t, row.pk, number, line))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def _end(engine: Engine, newest_first: Select[Any], n: int, stream: str | None) -> list[OutputLine]:
    """The last `n` lines of batches that come newest first, in order."""
    found: deque[OutputLine] = deque()
    offset = 0
    while len(found) < n:
        rows = _read(engine, newest_first.limit(PAGE).offset(offset))
        for row in rows:
            found.extendleft(reversed(list(_of_stream(_lines(row), stream))))
            if len(found) >= n:
                break
        if len(rows) < PAGE:
            break
        offset += PAGE
    return list(found)[-n:] if n > 0 else []


def _read(engine: Engine, query: Select[Any]) -> Sequence[Row[Any]]:
    with transaction(engine, writing=False) as tx:
        return tx.execute(query).all()


def _lines(row: Row[Any]) -> Iterator[OutputLine]:
    batch = json.loads(zstandard.ZstdDecompressor().decompress(row.lines))
    for t, stream, text, *newline in batch:
        moment = row.started_at + timedelta(seconds=t) if row.started_at else row.at
        yield OutputLine(moment, stream, text, newline != [False], row.job, row.id, row.pk)


def _of_stream(lines: Iterable[OutputLine], stream: str | None) -> Iterator[OutputLine]:
    return (line for line in lines if stream is None or line.stream == stream)
