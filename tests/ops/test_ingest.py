"""From the log to the store, exactly once: whatever comes twice, late, in pieces, or dies in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.errors import LogGap
from cronbox.model.event import Event
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops.ingest import Ingested, close_lost, ingest
from cronbox.store import RunFilter, Store
from cronbox.store.incidents import KEPT
from tests.databases import Databases, opened
from tests.ops.boxlog import LOG, NOON, BoxLog, cut, rows

pytestmark = pytest.mark.slow


def take(store: Store, log: BoxLog, *, first_seq: int | None = None) -> Ingested:
    return ingest(store, "etl", log.events, log_id=log.log_id, now=NOON, first_seq=first_seq)


def test_a_log_becomes_runs_with_their_output(store: Store):
    log = BoxLog().boot().started("r1").output("r1", "one", "two\udc80").output("r1", "three").finished("r1")
    done = take(store, log)
    run = store.run("r1")
    assert (run.status, run.scheduled_for, run.release, run.boot_id) == (Status.SUCCEEDED, NOON, 1, "b1")
    assert [line.text for line in store.output("r1")] == ["one", "two\udc80", "three"]
    assert (done.seq, done.events, done.refused, done.ended) == (5, 5, 0, (run,))


def test_a_replay_changes_nothing(store: Store):
    log = BoxLog().boot().tick().started("r1").output("r1", "x").finished("r1")
    take(store, log)
    before = rows(store)
    assert take(store, log) == Ingested(seq=5)
    assert rows(store) == before


def test_a_gap_is_told_after_what_came_before_it(store: Store):
    log = BoxLog().boot().started("r1").finished("r1").started("r2", "other")
    events = log.events
    with pytest.raises(LogGap):
        ingest(store, "etl", [*events[:2], events[3]], log_id=LOG, now=NOON)
    cursor = store.cursor("etl")
    assert cursor is not None and cursor.seq == 2
    take(store, log)
    assert [run.id for run in store.runs()] == ["r2", "r1"]


def test_a_number_out_of_place_between_good_ones_is_passed_over(store: Store):
    log = BoxLog().boot().started("r1").finished("r1")
    good = log.events
    odd = Event(900, NOON, "tick", {"digest": "x"})
    ingest(store, "etl", [good[0], odd, *good[1:]], log_id=LOG, now=NOON)
    assert store.run("r1").status is Status.SUCCEEDED


def test_a_log_that_was_trimmed_goes_on_where_it_begins_and_leaves_no_run_open(store: Store):
    log = BoxLog().boot().started("r1").finished("r1").tick()
    ingest(store, "etl", log.events[:2], log_id=LOG, now=NOON)
    ingest(store, "etl", log.events[3:], log_id=LOG, now=NOON, first_seq=4)
    assert store.run("r1").status is Status.LOST
    trimmed = [incident for incident in store.incidents("etl") if incident.kind == "log_trimmed"]
    assert [incident.text for incident in trimmed] == ["events 3 to 3 are gone"]


def test_a_new_boot_closes_what_the_earlier_one_left_open(store: Store):
    log = BoxLog().boot().started("r1").queued("r2", "other").tick()
    last = log.now
    take(store, log.boot("b2").started("r3"))
    found = {run.id: (run.status, run.reason, run.finished_at) for run in store.runs()}
    assert found == {
        "r1": (Status.LOST, "the box stopped while it ran", last),
        "r2": (Status.LOST, "the box stopped while it ran", last),
        "r3": (Status.RUNNING, None, None),
    }


def test_a_run_that_waits_over_a_restart_is_one_row_that_goes_on(store: Store):
    log = BoxLog().boot().queued("r1", trigger="retry", attempt=2, origin="r0")
    take(store, log)
    waits_since = store.run("r1").at
    log.boot("b2")
    take(store, log)
    assert store.run("r1").status is Status.LOST
    log.queued("r1", trigger="retry", attempt=2, origin="r0", reason="waits on")
    take(store, log)
    assert (store.run("r1").status, store.run("r1").reason) == (Status.QUEUED, "waits on")
    take(store, log.started("r1", trigger="retry", attempt=2, origin="r0").finished("r1"))
    (run,) = store.runs()
    assert (run.status, run.at, run.reason, run.origin) == (Status.SUCCEEDED, waits_since, None, "r0")


def test_what_a_run_was_given_and_what_it_came_to_is_kept(store: Store):
    given = {"env": {"DAY": "1"}, "args": ["--full"], "origin": "r0"}
    log = BoxLog().boot().started("r1", **given)
    take(store, log)
    take(store, log.finished("r1", result={"rows": "5"}))
    run = store.run("r1")
    assert (run.env, run.args, run.origin, run.result) == ({"DAY": "1"}, ("--full",), "r0", {"rows": "5"})


def test_an_end_whose_result_makes_no_sense_is_refused_and_noted(store: Store):
    done = take(store, BoxLog().boot().started("r1").finished("r1", result={"rows": 5}))
    assert (done.refused, store.run("r1").status) == (1, Status.RUNNING)
    assert "result" in store.incidents("etl", limit=1)[0].text


def test_the_engines_reason_is_given_once_to_the_boot_it_ended(store: Store):
    log = BoxLog().boot().started("r1")
    take(store, log)
    store.note_death("etl", reason="the box ran out of memory")
    take(store, log.boot("b2").started("r2", "other").boot("b3"))
    assert store.run("r1").reason == "the box ran out of memory"
    assert store.run("r2").reason == "the box stopped while it ran"


def test_a_late_end_merges_into_the_row_that_was_given_up(store: Store):
    log = BoxLog().boot().started("r1")
    take(store, log)
    (closed,) = close_lost(
        store, "etl", reason="the box was killed by signal 9", now=NOON + timedelta(hours=1)
    )
    assert store.run("r1") == closed and closed.reason == "the box was killed by signal 9"
    assert close_lost(store, "etl", reason="again", now=NOON) == ()
    take(store, log.finished("r1", "failed", exit_code=2))
    run = store.run("r1")
    assert (run.status, run.exit_code, run.reason) == (Status.FAILED, 2, None)


def test_a_missed_slot_that_ran_after_all_has_one_row(store: Store):
    missed = Run("m1", "etl", "load", Trigger.CRON, Status.MISSED, reason="box down", scheduled_for=NOON)
    assert store.add_missed([missed]) == [missed]
    take(store, BoxLog().boot().started("r1").finished("r1"))
    (run,) = store.runs()
    assert (run.id, run.status, run.reason, run.scheduled_for) == ("r1", Status.SUCCEEDED, None, NOON)


def test_two_runs_that_an_agent_numbered_alike_are_both_kept(store: Store):
    log = BoxLog().boot().started("r1").finished("r1").boot("b2").started("r2").finished("r2")
    take(store, log)
    assert [(run.id, run.occurrence) for run in store.runs()] == [("r2", 1), ("r1", 0)]


def test_a_new_log_starts_from_zero_and_leaves_nothing_open(store: Store):
    take(store, BoxLog().boot().started("r1").add("paused", job=None, until=None, why="w", by="me"))
    take(store, BoxLog("log-2").boot("b9").started("r2", "other"))
    cursor = store.cursor("etl")
    assert cursor is not None and (cursor.log_id, cursor.seq, cursor.boot_id) == ("log-2", 2, "b9")
    assert store.run("r1").status is Status.LOST
    assert store.pauses("etl") == []


def test_what_the_log_says_of_its_box_is_kept(store: Store):
    log = BoxLog().boot().add("loaded", digest="d1", jobs=2).add("cron_started", pid=7).tick()
    log.add("paused", job="load", until="2026-03-02T00:00:00Z", why="moving", by="ann@host").add(
        "draining", running=1
    )
    take(store, log)
    state = store.box_state("etl")
    assert (state.loaded, state.tick, state.cron_alive, state.draining) == ("d1", "d1", True, True)
    (pause,) = store.pauses("etl")
    assert (pause.job, pause.why, pause.by, pause.until) == (
        "load",
        "moving",
        "ann@host",
        NOON + timedelta(hours=12),
    )
    take(
        store,
        log.add("resumed", job="load", by="ann")
        .add("cron_exited", exit_code=1)
        .add("stopped", reason="TERM"),
    )
    state = store.box_state("etl")
    assert (store.pauses("etl"), state.cron_alive, state.stopped_at) == ([], False, log.now)
    assert store.incidents("etl")[0].text == "TERM"


def test_a_silence_of_cron_is_noted_but_not_across_a_boot(store: Store):
    log = BoxLog().boot().tick().tick()
    log.now += timedelta(minutes=5)
    log.tick().boot("b2")
    log.now += timedelta(minutes=5)
    take(store, log.tick())
    assert [incident.kind for incident in store.incidents("etl")].count("silence") == 1


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("started", {}),
        (
            "started",
            {"run": "x", "job": "j", "trigger": "cron", "scheduled_for": "0001-01-01T00:00:00+23:59"},
        ),
        ("started", {"run": "\udc80", "job": "j", "trigger": "cron"}),
        ("started", {"run": "r1", "job": "load", "trigger": "cron"}),
        ("finished", {"run": "nobody", "status": "succeeded"}),
        ("finished", {"run": "r1", "status": "succeeded", "max_rss_bytes": 2**70}),
        ("output", {"run": "nobody", "lines": [[0, "out", "x"]]}),
        ("output", {"run": "ended", "lines": [[0, "out", "x"]]}),
        ("output", {"run": "r1", "lines": []}),
        ("output", {"run": "r1", "lines": [[float("nan"), "out", "x"]]}),
        ("output", {"run": "r1", "lines": [[0, "up", "x"]]}),
        ("output", {"run": "r1", "lines": [[0, "out"]]}),
        ("output", {"run": "r1", "lines": {"a": 1}}),
        ("boot", {"boot_id": None}),
        ("tick", {"digest": "\0"}),
        ("loaded", {"digest": []}),
        ("paused", {"job": 5}),
        ("paused", {"job": None, "until": "soon"}),
    ],
)
def test_an_event_that_makes_no_sense_is_noted_and_the_next_is_read(
    store: Store, type: str, data: dict[str, object]
):
    log = BoxLog().boot().started("ended", "other").finished("ended").started("r1")
    bad = Event(5, log.now, type, dict(data))
    good = BoxLog.finished(log.tick(), "r1").events[5]
    done = ingest(store, "etl", [*log.events[:4], bad, good], log_id=LOG, now=NOON)
    assert (done.seq, done.refused) == (6, 1)
    assert store.run("r1").status is Status.SUCCEEDED
    assert store.incidents("etl")[0].kind == "event_refused"


def test_an_unknown_event_with_any_content_is_only_noted(store: Store):
    log = (
        BoxLog()
        .boot()
        .add("zap\0\udc80", text="\udc80\0" + "y" * 9999)
        .add("zip", deep=[[[1]]], job="\udc81")
    )
    assert take(store, log).refused == 0
    assert [incident.job for incident in store.incidents("etl")] == ["?", None, None]


def test_a_run_of_one_box_is_out_of_reach_for_another(store: Store):
    take(store, BoxLog().boot().started("r1"))
    log = BoxLog("log-w").boot("bw").output("r1", "x").finished("r1").started("r1", "web")
    assert ingest(store, "web", log.events, log_id="log-w", now=NOON).refused == 3
    assert store.run("r1").status is Status.RUNNING


def test_a_box_keeps_its_newest_incidents_only(store: Store):
    log = BoxLog().boot()
    for n in range(KEPT + 50):
        log.add("cron_message", text=str(n))
    for piece in cut(log.events, [70, KEPT // 2]):
        ingest(store, "etl", piece, log_id=LOG, now=NOON)
    texts = [incident.text for incident in store.incidents("etl", limit=2 * KEPT)]
    assert texts == [str(n) for n in range(KEPT + 49, 49, -1)]


# Logs of any kind, in pieces of any kind

RUN_IDS = st.sampled_from([f"r{n}" for n in range(6)])
JOBS = st.sampled_from(["load", "tidy"])
STEPS = st.one_of(
    st.tuples(st.just("tick")),
    st.tuples(st.just("boot"), st.sampled_from(["b1", "b2", "b3"])),
    st.tuples(st.sampled_from(["queued", "started", "skipped"]), RUN_IDS, JOBS),
    st.tuples(st.just("output"), RUN_IDS, st.text(max_size=5), st.text(max_size=5)),
    st.tuples(
        st.just("finished"), RUN_IDS, st.sampled_from(["succeeded", "failed", "timed_out", "killed", "odd"])
    ),
    st.tuples(
        st.just("add"),
        st.sampled_from(["paused", "resumed", "draining", "cron_exited", "started", "nonsense"]),
    ),
)


@st.composite
def logs(draw: st.DrawFn) -> BoxLog:
    log = BoxLog().boot()
    for name, *args in draw(st.lists(STEPS, max_size=40)):
        getattr(log, name)(*args)
    return log


@settings(deadline=None, max_examples=40)
@given(
    log=logs(),
    places=st.lists(st.integers(0, 50), max_size=8),
    again=st.lists(st.integers(0, 50), max_size=4),
)
def test_any_pieces_with_repeats_and_restarts_give_the_rows_of_one_clean_read(
    databases: Databases, log: BoxLog, places: list[int], again: list[int]
):
    clean, url = databases.store(), databases.url()
    pieces = opened(url)
    take(clean, log)
    done = 0
    for piece in cut(log.events, places):
        done += len(piece)
        ingest(pieces, "etl", piece, log_id=LOG, now=NOON)
        for start in again:
            ingest(pieces, "etl", log.events[start % (done + 1) : done], log_id=LOG, now=NOON)
        pieces.close()
        pieces = opened(url)
    assert rows(pieces) == rows(clean)
    runs = clean.runs(RunFilter(limit=1000))
    slots = [(run.job, run.scheduled_for, run.occurrence, run.attempt) for run in runs]
    assert len(slots) == len(set(slots))
    clean.close()
    pieces.close()


@settings(deadline=None, max_examples=40)
@given(log=logs(), chunks=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12))
def test_pieces_in_any_order_never_do_harm(databases: Databases, log: BoxLog, chunks: list[tuple[int, int]]):
    clean, mixed = databases.store(), databases.store()
    take(clean, log)
    for start, end in chunks:
        try:
            ingest(mixed, "etl", log.events[start:end], log_id=LOG, now=NOON)
        except LogGap:
            continue
    take(mixed, log)
    assert rows(mixed) == rows(clean)
    clean.close()
    mixed.close()


def a_long_log(runs: int) -> BoxLog:
    log = BoxLog().boot()
    for n in range(runs):
        run = f"run-{n:05}"
        log.tick().started(run, f"job{n % 7}").output(run, f"line {n}").finished(run)
    return log


def test_two_at_once_give_the_rows_of_one(databases: Databases):
    log = a_long_log(60)
    clean, url = databases.store(), databases.url()
    take(clean, log)

    def read(width: int) -> None:
        store = opened(url)
        for start in range(0, len(log.lines), width):
            while True:
                try:
                    ingest(store, "etl", log.events[start : start + width], log_id=LOG, now=NOON)
                    break
                except LogGap:
                    continue
        store.close()

    opened(url).close()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, [3, 7]))
    shared = opened(url)
    assert rows(shared) == rows(clean)
    shared.close()
    clean.close()


CHILD = """
import sys
from tests.databases import opened
from tests.ops.boxlog import LOG, NOON
from tests.ops.test_ingest import a_long_log
from cronbox.ops.ingest import ingest

store, log = opened(sys.argv[1]), a_long_log(400)
events = log.events
print("ready", flush=True)
for start in range(0, len(events), 5):
    ingest(store, "etl", events[start : start + 5], log_id=LOG, now=NOON)
    print(start, flush=True)
"""


@pytest.mark.parametrize("lines", [3, 40, 111])
def test_a_reader_that_is_killed_loses_and_doubles_nothing(databases: Databases, lines: int):
    url = databases.url()
    with subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(lines):
            child.stdout.readline()
        child.kill()
        child.stdout.read()
    assert child.returncode == -signal.SIGKILL
    log = a_long_log(400)
    killed, clean = opened(url), databases.store()
    killed.check()
    cursor = killed.cursor("etl")
    assert cursor is not None and 0 < cursor.seq < len(log.lines)
    take(killed, log)
    take(clean, log)
    assert rows(killed) == rows(clean)
    killed.close()
    clean.close()
