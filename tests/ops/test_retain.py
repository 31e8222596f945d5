"""Retention as the daemon and `cronbox prune` do it: by the config, and without keeping others waiting."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cronbox.config import load_config
from cronbox.ops import Site
from cronbox.ops.retain import retain, to_prune
from cronbox.store import Store, outputs
from cronbox.store.outputs import OutputBatch
from tests.fakes.engine import FakeEngine
from tests.store.test_pruning import NOON, a_run, put


def a_site(tmp_path: Path, store: Store, retention: str, *, days: int = 0) -> Site:
    """A project at so many days after the first runs."""
    (tmp_path / "config.toml").write_text(f"[retention]\n{retention}\n")
    config = load_config(tmp_path / "config.toml")
    now = NOON + timedelta(days=days)
    return Site(config, connect=FakeEngine, open_store=lambda: store, now=lambda: now)


def no_rest(_: float) -> None:
    """For what does not care about others."""


def test_what_would_go_is_what_goes(tmp_path: Path, store: Store):
    put(store, *(a_run(f"old{n}", minute=n) for n in range(250)), printed=1)
    put(store, *(a_run(f"new{n}", minute=1440 * 5 + n) for n in range(30)), printed=1)
    site = a_site(tmp_path, store, "runs_days = 2\nruns_per_job = 20", days=6)
    told = to_prune(site)
    assert told.runs == {"age": 250, "count": 10}
    assert len(store.runs()) == 50 and to_prune(site) == told
    assert retain(site, rest=no_rest) == told
    assert len(store.runs()) == 20
    assert not retain(site, rest=no_rest)


def test_output_that_would_go_with_its_run_is_not_told_of_as_beyond_the_limit(tmp_path: Path, store: Store):
    noise = random.Random(1)
    put(store, *(a_run(f"old{n}", minute=n) for n in range(20)))
    put(store, *(a_run(f"new{n}", minute=1440 * 5 + n) for n in range(20)))
    with store.transaction() as tx:
        for run in (f"{age}{n}" for n in range(20) for age in ("old", "new")):
            line = [0.1, "out", noise.randbytes(60_000).hex()]
            outputs.add(tx, "etl", [OutputBatch(run, "load", NOON, [line])])
    site = a_site(tmp_path, store, "runs_days = 2\noutput_mb = 1", days=6)
    told = to_prune(site)
    assert told.runs == {"age": 20} and 0 < told.outputs < 20
    assert retain(site, rest=no_rest) == told


def test_output_beyond_its_limit_goes_and_the_runs_say_so(tmp_path: Path, store: Store):
    noise = random.Random(1)
    put(store, a_run("r1"), a_run("r2", minute=1))
    with store.transaction() as tx:
        for number in range(30):
            line = [0.1, "out", noise.randbytes(60_000).hex()]
            outputs.add(tx, "etl", [OutputBatch(f"r{1 + number // 15}", "load", NOON, [line])])
    assert store.output_bytes() > 1 << 20, "there is too much"
    site = a_site(tmp_path, store, "output_mb = 1")
    gone = retain(site, rest=no_rest)
    assert gone.outputs and store.output_bytes() <= 1 << 20
    assert store.pruned_at("r1") == site.now()
    assert {run.id for run in store.runs()} == {"r1", "r2"}


@pytest.mark.slow
def test_who_writes_while_much_is_let_go_waits_for_some_tens_of_milliseconds(tmp_path: Path, store: Store):
    put(store, *(a_run(f"r{n:05}", minute=n) for n in range(5_000)), printed=1)
    site = a_site(tmp_path, store, "runs_days = 1", days=30)
    pruning = threading.Thread(target=retain, args=(site,))
    pruning.start()
    waits = []
    while pruning.is_alive():
        begun = time.monotonic()
        store.set_problem("etl", None)
        waits.append(time.monotonic() - begun)
        time.sleep(0.01)
    pruning.join()
    waits.sort()
    assert len(waits) > 50
    assert waits[len(waits) // 2] < 0.03
    assert waits[int(len(waits) * 0.95)] < 0.25, "a wait for a turn is the busy handler's sleep, at most"
    assert store.runs() == [] or len(store.runs()) <= 10
