"""Output: every line, in order, in little memory, from the front or from the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cronbox.model.run import Run, Status, Trigger
from cronbox.store import OutputLine, Store, outputs, runs
from cronbox.store.outputs import PAGE, OutputBatch

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


def a_run(store: Store, id: str, *, box: str = "etl", job: str = "load", start: float = 0) -> None:
    at = NOON + timedelta(seconds=start)
    with store.transaction() as tx:
        runs.add(tx, [Run(id, box, job, Trigger.MANUAL, Status.RUNNING, started_at=at)])


def put(
    store: Store, run: str, *lines: list[object], box: str = "etl", job: str = "load", at: float = 0
) -> None:
    """One batch, written `at` seconds after noon."""
    batch = OutputBatch(run, job, NOON + timedelta(seconds=at), lines)
    with store.transaction() as tx:
        outputs.add(tx, box, [batch])


def texts(lines: list[OutputLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_line_comes_back_with_its_time_stream_and_end(store: Store):
    a_run(store, "r1", start=10)
    put(store, "r1", [0.25, "out", "one"], [1.5, "err", "two", False])
    one, two = store.output("r1")
    assert (one.t, one.stream, one.text, one.newline) == (NOON + timedelta(seconds=10.25), "out", "one", True)
    assert (two.t, two.stream, two.text, two.newline) == (NOON + timedelta(seconds=11.5), "err", "two", False)
    assert (one.run, one.job) == ("r1", "load")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(TEXT, min_size=1, max_size=20))
def test_any_text_survives(store: Store, lines: list[str]):
    name = f"r{len(store.runs())}"
    a_run(store, name)
    put(store, name, *([0, "out", line] for line in lines))
    assert texts(list(store.output(name))) == lines


def test_output_of_many_batches_is_read_in_pages_from_either_end(store: Store):
    a_run(store, "r1")
    total = 2 * PAGE + 3
    for n in range(total):
        put(store, "r1", [n, "out", f"{n}a"], [n, "err", f"{n}b"], at=n)
    everything = [f"{n}{half}" for n in range(total) for half in "ab"]
    assert texts(list(store.output("r1"))) == everything
    assert texts(list(store.box_output("etl"))) == everything
    assert texts(list(store.output("r1", limit=5))) == everything[:5]
    assert texts(list(store.output("r1", stream="err"))) == everything[1::2]
    for n in (0, 1, 2, 3, 2 * PAGE, 2 * total, 9999):
        expected = everything[-n:] if n else []
        assert texts(store.tail_output("r1", n)) == expected
        assert texts(store.tail_box_output("etl", None, n)) == expected
    assert texts(store.tail_output("r1", 2, stream="out")) == everything[-4::2]


def test_following_goes_on_behind_a_position(store: Store):
    a_run(store, "r1")
    put(store, "r1", [0, "out", "one"], [0, "out", "two"])
    position = list(store.output("r1"))[-1].position
    assert list(store.output("r1", after=position)) == []
    put(store, "r1", [1, "out", "three"], at=1)
    assert texts(list(store.output("r1", after=position))) == ["three"]
    assert texts(list(store.box_output("etl", after=position))) == ["three"]
    assert texts(list(store.box_output("etl", after=0))) == ["one", "two", "three"]


def test_a_boxs_output_is_in_the_order_of_time_across_its_runs(store: Store):
    a_run(store, "r1")
    a_run(store, "r2", job="tidy", start=1)
    a_run(store, "w1", box="web")
    put(store, "r1", [0.0, "out", "0"], [2.0, "out", "2"], at=2)
    put(store, "r2", [0.0, "out", "1"], [2.5, "out", "3.5"], job="tidy", at=3.5)
    put(store, "r1", [3.0, "out", "3"], at=3.6)
    put(store, "w1", [0, "out", "web"], box="web")
    assert texts(list(store.box_output("etl"))) == ["0", "1", "2", "3", "3.5"]
    assert texts(list(store.box_output("etl", "tidy"))) == ["1", "3.5"]
    assert texts(list(store.box_output("etl", since=NOON + timedelta(seconds=2)))) == ["2", "3", "3.5"]
    assert texts(store.tail_box_output("etl", None, 2)) == ["3", "3.5"]


def test_output_goes_with_its_run(store: Store):
    a_run(store, "r1")
    put(store, "r1", [0, "out", "x"])
    with store.transaction() as tx:
        runs.remove(tx, ["r1"])
    assert list(store.output("r1")) == list(store.box_output("etl")) == []


def test_a_run_without_output_or_unknown_has_no_lines(store: Store):
    a_run(store, "r1")
    for run in ("r1", "nobody"):
        assert list(store.output(run)) == store.tail_output(run, 5) == []
