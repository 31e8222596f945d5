"""A process that writes all that a daemon writes, until somebody kills it: `python -m` with the URL."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import cache
from itertools import count

from cronbox.model.alert import Rule
from cronbox.ops.ingest import ingest
from cronbox.store import Keeping, Store, outbox, targets
from tests.databases import opened
from tests.ops.boxlog import LOG, NOON, BoxLog
from tests.store.test_pruning import a_run, put

RUNS = 600
OLD_RUNS = 3_000


@cache
def a_log() -> BoxLog:
    """Every run fails, so each is told of."""
    log = BoxLog().boot()
    for n in range(RUNS):
        run = f"run-{n:05}"
        log.tick().started(run, f"job{n % 7}").output(run, f"line {n}").finished(run, "failed", exit_code=1)
    return log


def prepare(store: Store, *, old: bool) -> None:
    """One target, and history that is too old."""
    with store.transaction() as tx:
        targets.keep(tx, [Rule("mail")])
    if old:
        runs = [a_run(f"old-{n}", box="old", minute=n - 100_000) for n in range(OLD_RUNS)]
        put(store, *runs, printed=1)


def retain(store: Store, most: int) -> int:
    """What retention does, a little of it -> how many runs went."""
    for old in store.old_runs(Keeping(NOON - timedelta(days=1), per_job=None, failures=0)):
        pks = old.pks[:most]
        store.forget_output(pks)
        return store.remove_runs(pks)
    return 0


def send(store: Store, claim: str) -> None:
    """What the sender does with what is due."""
    with store.transaction() as tx:
        taken = outbox.take(tx, "mail", now=NOON, claim=claim, lease=NOON, most=5)
    if taken:
        with store.transaction() as tx:
            outbox.done(tx, claim, "sent", NOON)


def write(url: str) -> None:
    """Everything by turns, from where the cursor stands."""
    store, events = opened(url), a_log().events
    print("ready", flush=True)
    for turn in count():
        cursor = store.cursor("etl")
        seq = cursor.seq if cursor else 0
        ingest(store, "etl", events[seq : seq + 5], log_id=LOG, now=NOON)
        retain(store, 20)
        send(store, f"claim-{seq}-{turn}")
        if turn % 7 == 0:
            store.give_back_space()
            store.shorten_log()


if __name__ == "__main__":
    write(sys.argv[1])
