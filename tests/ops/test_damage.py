"""Whatever befalls a log on its way: what is readable and true is in the store once, and nothing else."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.store import Store
from tests.databases import Postgres, Sqlite, opened
from tests.ops.boxlog import rows
from tests.ops.damage import STEPS, Disk, DiskEngine, read, read_dead
from tests.ops.lives import Model, Moves, a_true_log, moves, told

pytestmark = pytest.mark.slow

Steps = list[tuple[str, Any]]
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
LOGS = st.lists(st.tuples(moves(), STEPS), min_size=1, max_size=2)


@pytest.fixture(autouse=True, scope="module")
def box_time_zone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module")
def databases_of_postgres(request: pytest.FixtureRequest) -> Postgres:
    return Postgres(lambda: request.getfixturevalue("postgres"))


def examples(steady: int) -> settings:
    """So many examples, or those of a profile that explores."""
    most = steady if settings.default.derandomize else settings.default.max_examples
    return settings(max_examples=most, deadline=None)


class History:
    """A box with one log after the other, and the store that hears of it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.store = opened(url)
        self.model = Model()

    def live(self, number: int, moves: Moves, steps: Steps) -> None:
        log_id, self.trimmed = f"log-{number}", self._trimmed()
        disk = Disk(self.folder / log_id, a_true_log(moves, log_id=log_id))
        engine = DiskEngine(disk, log_id)
        disk.befall("write", 1)
        for kind, amount in steps:
            self._step(engine, kind, amount)
        disk.finish()
        disk.lines.extend(_ticks(disk.lines))
        disk.finish()
        self._read_to_the_end(engine)
        self._compare(engine)

    def _step(self, engine: DiskEngine, kind: str, amount: Any) -> None:
        match kind:
            case "follow":
                read(engine, self.store, amount)
            case "stopped":
                read_dead(engine, self.store)
            case "reopen":
                self.store.close()
                self.store = Store.open(self.url)
            case _:
                engine.disk.befall(kind, amount)

    def _read_to_the_end(self, engine: DiskEngine) -> None:
        """Sound streams alone lead to the last event, and then change nothing any more."""
        read(engine, self.store, [])
        before = rows(self.store)
        read(engine, self.store, [])
        read_dead(engine, self.store)
        assert rows(self.store) == before

    def _compare(self, engine: DiskEngine) -> None:
        disk = engine.disk
        cursor = self.store.cursor("etl")
        assert cursor is not None
        place = engine.log_id, len(disk.lines)
        assert (cursor.log_id, cursor.seq) == place, "later lines were not taken in"
        holes = self._told_holes()
        assert holes - disk.lost - disk.loose == set(), "what is readable was passed over"
        assert disk.lost - holes == set(), "what could not be read was not told"
        self.model.take(disk.lines, holes=holes)
        assert told(self.store, "etl") == self.model.told()
        seats = [
            (run.job, run.scheduled_for, run.occurrence, run.attempt)
            for run in rows(self.store)["runs"]
            if run.scheduled_for
        ]
        assert len(seats) == len(set(seats)), "two runs in one seat"
        self.store.check()

    def _told_holes(self) -> set[int]:
        """The numbers of which this log was told to lack, and not those before it."""
        told = self._trimmed() - self.trimmed
        spans = [[int(number) for number in re.findall(r"\d+", text)] for text in told.elements()]
        return {seq for first, last in spans for seq in range(first, last + 1)}

    def _trimmed(self) -> Counter[str]:
        incidents = self.store.incidents("etl", limit=5000)
        return Counter(incident.text for incident in incidents if incident.kind == "log_trimmed")


def _ticks(lines: list[bytes]) -> list[bytes]:
    return [
        b'{"seq":%d,"t":"2027-01-01T00:0%d:00Z","type":"tick","digest":"d1"}\n' % (len(lines) + n, n)
        for n in (1, 2)
    ]


def check(url: str, logs: list[tuple[Moves, Steps]]) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        history = History(url, Path(folder))
        try:
            for number, (moves, steps) in enumerate(logs):
                history.live(number, moves, steps)
        finally:
            history.store.close()


@examples(50)
@given(logs=LOGS)
def test_what_is_readable_and_true_is_in_the_store_once_whatever_befalls_the_log(
    logs: list[tuple[Moves, Steps]],
):
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        check(Sqlite(Path(folder)).url(), logs)


@pytest.mark.postgres
@examples(5)
@given(logs=LOGS)
def test_and_so_it_is_in_postgresql(databases_of_postgres: Postgres, logs: list[tuple[Moves, Steps]]):
    check(databases_of_postgres.url(), logs)
