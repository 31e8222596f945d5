"""A box's log read through an engine: whole, once, whatever the stream does."""

from __future__ import annotations

import json
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cronbox.engine import AGENT
from cronbox.errors import BoxNotRunning, EngineError, NoEngine
from cronbox.model.box import BoxSpec
from cronbox.model.run import Status
from cronbox.ops.ingest import ingest
from cronbox.ops.intake import Intake
from cronbox.ops.lines import LONGEST_LINE
from cronbox.ops.tail import Tail, read_stopped
from cronbox.store import Store
from tests.databases import Databases, Sqlite
from tests.fakes.engine import FakeEngine, FakeStream
from tests.ops.boxlog import LOG, NOON, BoxLog, rows

pytestmark = pytest.mark.slow


def now():
    return NOON


def a_box(engine: FakeEngine) -> str:
    container = engine.create(BoxSpec("shop", "etl", "sha256:1", 1, "UTC"))
    engine.start(container)
    return container


class FlakyEngine(FakeEngine):
    """Gives the streams of a list, one after the other, and then those of a sound engine."""

    def __init__(self, *streams: Sequence[bytes]) -> None:
        super().__init__()
        self.streams = list(streams)
        self.asked: list[int] = []

    def stream(self, container: str, argv: Sequence[str]) -> FakeStream[bytes]:
        assert tuple(argv[:-2]) == AGENT
        self.asked.append(int(argv[-1]))
        if not self.streams:
            return super().stream(container, argv)
        stream = FakeStream[bytes]()
        for chunk in self.streams.pop(0):
            stream.feed(chunk)
        stream.close()
        return stream


def a_tail(engine: FakeEngine, store: Store, container: str) -> Tail:
    return Tail(engine, store, "etl", container=container, now=now)


@contextmanager
def running(tail: Tail) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=tail.run)
    thread.start()
    yield thread
    tail.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()


def wait_for(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to be")


def seq_of(store: Store) -> int:
    cursor = store.cursor("etl")
    return cursor.seq if cursor else 0


def clean_rows(log: BoxLog) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        store = Sqlite(Path(folder)).store()
        ingest(store, "etl", log.events, log_id=log.log_id, now=NOON)
        found = rows(store)
        store.close()
        return found


def a_log(runs: int = 5) -> BoxLog:
    log = BoxLog().boot()
    for n in range(runs):
        log.tick().started(f"r{n}").output(f"r{n}", "one", "two").finished(f"r{n}")
    return log


def test_a_tail_reads_what_is_there_and_what_comes_until_it_is_stopped(store: Store):
    engine, log = FakeEngine(), BoxLog().boot().started("r1")
    container = a_box(engine)
    engine.append_log(container, log.data)
    with running(a_tail(engine, store, container)):
        wait_for(lambda: seq_of(store) == 2)
        engine.append_log(container, log.finished("r1").lines[-1])
        wait_for(lambda: seq_of(store) == 3)
    assert rows(store) == clean_rows(log)


def test_a_tail_ends_with_its_box(store: Store):
    engine = FakeEngine()
    container = a_box(engine)
    engine.append_log(container, a_log().data)
    with running(a_tail(engine, store, container)) as thread:
        wait_for(lambda: seq_of(store) == len(a_log().lines))
        engine.stop(container, timeout=1)
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_tail_whose_engine_is_gone_says_so(store: Store):
    engine = FakeEngine()
    container = a_box(engine)
    engine.down = True
    with pytest.raises(NoEngine):
        a_tail(engine, store, container).run()


def test_catching_up_reads_what_is_there_and_returns(store: Store):
    engine, log = FakeEngine(), a_log()
    container = a_box(engine)
    engine.append_log(container, log.data)
    for _ in range(2):
        a_tail(engine, store, container).catch_up()
        assert rows(store) == clean_rows(log)
    engine.stop(container, timeout=1)
    with pytest.raises(BoxNotRunning):
        a_tail(engine, store, container).catch_up()


def test_a_stream_that_breaks_is_taken_up_at_the_cursor(store: Store):
    log = a_log()
    half = len(log.lines) // 2
    engine = FlakyEngine(
        [],
        [log.head[:10]],
        [log.head],
        [log.head + b"".join(log.lines[:half]) + log.lines[half][:20]],
    )
    container = a_box(engine)
    engine.append_log(container, log.data)
    a_tail(engine, store, container).catch_up()
    assert engine.asked == [0, 0, 0, 0, half]
    assert rows(store) == clean_rows(log)


def test_a_gap_in_the_stream_is_read_again(store: Store):
    log = a_log()
    engine = FlakyEngine([log.head, *log.lines[:4], *log.lines[6:]])
    container = a_box(engine)
    engine.append_log(container, log.data)
    a_tail(engine, store, container).catch_up()
    assert engine.asked == [0, 4]
    assert rows(store) == clean_rows(log)


def test_a_gap_in_the_log_itself_is_noted_and_passed(store: Store):
    log = a_log()
    engine = FakeEngine()
    container = a_box(engine)
    engine.append_log(container, b"".join(log.lines[:4] + log.lines[6:]))
    a_tail(engine, store, container).catch_up()
    assert seq_of(store) == len(log.lines)
    assert [i.text for i in store.incidents("etl") if i.kind == "log_trimmed"] == ["events 5 to 6 are gone"]


def test_a_log_that_begins_behind_the_cursor_is_read_from_there(store: Store):
    log = a_log()
    head = json.dumps({"log_id": LOG, "first_seq": 6, "last_seq": len(log.lines)}).encode() + b"\n"
    engine = FlakyEngine([head + b"".join(log.lines[5:])])
    a_tail(engine, store, a_box(engine)).catch_up()
    assert engine.asked == [0]
    assert seq_of(store) == len(log.lines)


def test_another_log_is_read_from_its_beginning(store: Store):
    ingest(store, "etl", a_log(9).events, log_id=LOG, now=NOON)
    log = BoxLog("log-2").boot("b7").started("new")
    engine = FlakyEngine([log.head], [log.head + log.data])
    a_tail(engine, store, a_box(engine)).catch_up()
    assert engine.asked == [37, 0]
    cursor = store.cursor("etl")
    assert cursor is not None and (cursor.log_id, cursor.seq) == ("log-2", 2)
    assert store.run("new").status is Status.RUNNING


@pytest.mark.parametrize("head", [b"nonsense\n", b"{}\n", b"[]\n", b"null\n"])
def test_a_stream_without_a_head_is_an_error(store: Store, head: bytes):
    engine = FlakyEngine([head])
    with pytest.raises(EngineError):
        a_tail(engine, store, a_box(engine)).catch_up()


# Boxes that stand still


def test_the_log_of_a_stopped_box_is_read_to_its_end_across_its_segments(store: Store):
    engine, log = FakeEngine(), a_log()
    container = a_box(engine)
    files = engine.volumes["shop", "etl"]
    files["cron-0000000000000001.log"] = b"".join(log.lines[:7])
    files["cron-0000000000000008.log"] = b"".join(log.lines[7:12])
    files["cron.log"] = b"".join(log.lines[12:]) + b'{"seq": 27, "t": "20'
    files["state.json"] = b"{}"
    engine.stop(container, timeout=1)
    for _ in range(2):
        read_stopped(engine, store, "etl", container=container, now=now)
        assert rows(store) == clean_rows(log)


def test_the_log_of_a_stopped_box_may_begin_anywhere(store: Store):
    engine, log = FakeEngine(), a_log().boot("b2").tick()
    container = a_box(engine)
    files = engine.volumes["shop", "etl"]
    files["cron-0000000000000011.log"] = b"".join(log.lines[10:20])
    files["cron.log"] = b"".join(log.lines[20:])
    read_stopped(engine, store, "etl", container=container, now=now)
    assert seq_of(store) == len(log.lines)
    assert store.run("r4").status is Status.SUCCEEDED


def test_a_stopped_box_without_a_log_has_nothing_to_tell(store: Store):
    engine = FakeEngine()
    read_stopped(engine, store, "etl", container=a_box(engine), now=now)
    assert store.cursor("etl") is None


# Bytes

FOREIGN = [
    b"",
    b"\xff\xfe nonsense",
    b"null",
    b"[" * 100_000,
    b'{"seq": 1}',
    b'{"seq": 1, "t": "2026-01-01T00:00:00Z", "type": "tick", "digest": "other"}',
    b'{"seq": 999, "t": "2026-01-01T00:00:00Z", "type": "tick", "digest": "other"}',
    b'{"seq": true, "t": "2026-01-01T00:00:00Z", "type": "boot"}',
    b'{"seq": 99999999999999999999, "t": "2026-01-01T00:00:00Z", "type": "boot"}',
    b'{"seq": 3, "t": "0001-01-01T00:00:00+23:59", "type": "boot"}',
]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_bytes_cut_anywhere_with_foreign_lines_between_give_the_rows_of_one_clean_read(
    databases: Databases, data: st.DataObject
):
    log = a_log(4)
    lines = [log.lines[0]]
    for line in log.lines[1:]:
        foreign = data.draw(st.lists(st.sampled_from(FOREIGN), max_size=1))
        lines += [*(f + b"\n" for f in foreign), line]
    stream = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    store = databases.store()
    intake = Intake(store, "etl", log_id=LOG, now=now, final=True)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        intake.feed(stream[start:end])
    assert rows(store) == clean_rows(log)
    store.close()


# Damage


def an_intake(store: Store, **how: object) -> Intake:
    return Intake(store, "etl", log_id=LOG, now=now, **how)  # type: ignore[arg-type]


def test_a_line_of_many_megabytes_is_passed_over_in_little_memory(store: Store):
    log = a_log()
    intake = an_intake(store)
    intake.feed(log.lines[0])
    tracemalloc.start()
    try:
        for _ in range(64):
            intake.feed(b"x" * (1 << 20))
        assert tracemalloc.get_traced_memory()[1] < 2 * LONGEST_LINE
    finally:
        tracemalloc.stop()
    with capture_logs() as told:
        intake.feed(b"y" * (LONGEST_LINE + 1))
        intake.feed(b"\n" + b"".join(log.lines[1:]))
    assert rows(store) == clean_rows(log)
    assert [line["event"] for line in told] == []


def test_a_line_that_is_too_long_is_told_once(store: Store):
    intake = an_intake(store)
    with capture_logs() as told:
        for _ in range(20):
            intake.feed(b"x" * (1 << 20))
    assert [line["event"] for line in told] == ["log_line_skipped"]


def test_a_log_full_of_holes_is_read_to_its_end(store: Store):
    log = BoxLog().boot()
    for n in range(1201):
        log.add("cron_message", text=str(n))
    with_holes = [line for n, line in enumerate(log.lines) if n % 3 < 2]
    intake = an_intake(store, final=True)
    intake.feed(b"".join(with_holes))
    kept = [i.text for i in store.incidents("etl", limit=5000) if i.kind == "cron_message"]
    assert len(kept) == len(with_holes) - 1


def test_a_log_that_lost_every_second_line_does_not_wait_for_ever(store: Store):
    log = BoxLog().boot()
    for n in range(1000):
        log.add("cron_message", text=str(n))
    intake = an_intake(store, final=True)
    for line in log.lines[::2]:
        intake.feed(line)
    assert seq_of(store) > 500


def test_a_gap_behind_one_that_was_found_twice_is_read_again_too(store: Store):
    log = a_log()
    on_disk = log.lines[:4] + log.lines[5:]
    engine = FlakyEngine([log.head, *on_disk], [log.head, *on_disk[:9], *on_disk[11:]])
    container = a_box(engine)
    engine.append_log(container, b"".join(on_disk))
    a_tail(engine, store, container).catch_up()
    assert [i.text for i in store.incidents("etl") if i.kind == "log_trimmed"] == ["events 5 to 5 are gone"]
    assert seq_of(store) == len(log.lines)


def test_a_log_whose_end_is_gone_is_read_on_from_there_and_leaves_no_run_open(store: Store):
    log = a_log().started("late")
    ingest(store, "etl", log.events, log_id=LOG, now=NOON)
    engine = FakeEngine()
    container = a_box(engine)
    cut = BoxLog()
    cut.lines = log.lines[:10]
    engine.append_log(container, cut.boot("b2").data)
    a_tail(engine, store, container).catch_up()
    engine.append_log(container, cut.started("after").lines[-1])
    a_tail(engine, store, container).catch_up()
    assert seq_of(store) == 12
    assert store.run("late").status is Status.LOST
    assert store.run("after").status is Status.RUNNING
    (told,) = [i.text for i in store.incidents("etl") if i.kind == "log_rewound"]
    assert told == "events 12 to 22 are not in it any more"


def test_the_id_of_a_stopped_boxs_log_is_that_beside_it_and_no_foreign_lines(store: Store):
    engine, log = FakeEngine(), a_log()
    container = a_box(engine)
    foreign = BoxLog("other").boot("b9").data
    engine.volumes["shop", "etl"]["state.json"] = b'{"log_id": "log-1"}'
    engine.append_log(container, foreign.replace(b'"seq": 1', b'"seq": "1"') + log.data + foreign)
    engine.stop(container, timeout=1)
    read_stopped(engine, store, "etl", container=container, now=now)
    assert rows(store) == clean_rows(log)
    read_stopped(engine, store, "etl", container=container, now=now)
    assert rows(store) == clean_rows(log)


def test_half_a_line_at_the_end_of_a_file_spoils_no_line_of_the_next(store: Store):
    engine, log = FakeEngine(), a_log()
    container = a_box(engine)
    files = engine.volumes["shop", "etl"]
    files["cron-0000000000000001.log"] = b"".join(log.lines[:7]) + b'{"seq": 8, "t": "20'
    files["cron.log"] = b"".join(log.lines[7:])
    engine.stop(container, timeout=1)
    read_stopped(engine, store, "etl", container=container, now=now)
    assert rows(store) == clean_rows(log)
