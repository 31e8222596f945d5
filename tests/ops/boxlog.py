"""Logs as an agent writes them, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from cronbox.model.event import Event, format_time, parse_event
from cronbox.store import RunFilter, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOG = "log-1"


class BoxLog:
    """Writes events one after the other; a minute passes with each `tick`."""

    def __init__(self, log_id: str = LOG) -> None:
        self.log_id = log_id
        self.lines: list[bytes] = []
        self.now = NOON

    def add(self, type: str, **data: Any) -> BoxLog:
        self.now += timedelta(milliseconds=250)
        line = {"seq": len(self.lines) + 1, "t": self.now.isoformat(), "type": type, **data}
        self.lines.append(json.dumps(line).encode() + b"\n")
        return self

    def boot(self, boot_id: str = "b1") -> BoxLog:
        return self.add("boot", log_id=self.log_id, boot_id=boot_id, agent="1", release=1, timezone="UTC")

    def tick(self) -> BoxLog:
        self.now += timedelta(minutes=1)
        return self.add("tick", digest="d1")

    def queued(self, run: str, job: str = "load", **data: Any) -> BoxLog:
        return self._of_run("queued", run, job, **data)

    def skipped(self, run: str, job: str = "load", **data: Any) -> BoxLog:
        return self._of_run("skipped", run, job, **{"reason": "it still runs", **data})

    def started(self, run: str, job: str = "load", **data: Any) -> BoxLog:
        return self._of_run("started", run, job, **{"attempt": 1, "pid": 9, "user": "root", **data})

    def output(self, run: str, *texts: str) -> BoxLog:
        return self.add("output", run=run, lines=[[n / 8, "out", text] for n, text in enumerate(texts)])

    def finished(self, run: str, status: str = "succeeded", **data: Any) -> BoxLog:
        return self.add("finished", run=run, status=status, **{"exit_code": 0, "duration_s": 1.5, **data})

    def _of_run(self, type: str, run: str, job: str, **data: Any) -> BoxLog:
        slot = format_time(self.now.replace(second=0, microsecond=0))
        basic = {"trigger": "cron", "scheduled_for": slot, "occurrence": 0}
        return self.add(type, run=run, job=job, **{**basic, **data})

    @property
    def data(self) -> bytes:
        return b"".join(self.lines)

    @property
    def events(self) -> list[Event]:
        return [parse_event(line) for line in self.lines]

    @property
    def head(self) -> bytes:
        return (
            json.dumps({"log_id": self.log_id, "first_seq": 1, "last_seq": len(self.lines)}).encode() + b"\n"
        )


def rows(store: Store, box: str = "etl") -> dict[str, Any]:
    """All that the store knows of a box, but for when it heard of it."""
    runs = store.runs(RunFilter(box=box, limit=10_000))
    cursor = store.cursor(box)
    return {
        "runs": sorted(runs, key=lambda run: run.id),
        "output": {
            run.id: [(line.t, line.stream, line.text, line.newline) for line in store.output(run.id)]
            for run in runs
        },
        "box": store.box_state(box),
        "pauses": store.pauses(box),
        "incidents": store.incidents(box, limit=10_000),
        "cursor": {**asdict(cursor), "ingested_at": None} if cursor else None,
    }


def cut(events: Sequence[Event], places: Sequence[int]) -> list[Sequence[Event]]:
    """The events in pieces, cut at places that are taken modulo their number."""
    ends = sorted({place % (len(events) + 1) for place in places} | {len(events)})
    return [events[start:end] for start, end in zip([0, *ends], ends, strict=False)]
