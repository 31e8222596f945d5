"""The lease: one leader, and nothing done by one that leads no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cronbox.config import load_config
from cronbox.errors import LeaseLost, StoreError
from cronbox.model.box import BoxSpec
from cronbox.ops import Site
from cronbox.ops.ingest import close_lost, ingest
from cronbox.ops.lease import Term, terms, who_leads
from cronbox.ops.tail import Tail
from cronbox.store import Store
from tests.databases import Postgres
from tests.fakes.engine import FakeEngine
from tests.ops.boxlog import LOG, NOON, BoxLog
from tests.postgres import Server
from tests.project import wait_until

pytestmark = pytest.mark.postgres

LONG, SHORT = timedelta(seconds=30), timedelta(milliseconds=1)


@pytest.fixture
def store(postgres: Server) -> Iterator[Store]:
    with closing(Postgres(lambda: postgres).store()) as made:
        yield made


def take(store: Store, *, ttl: timedelta = LONG) -> int | None:
    return store.take_lease(host="here", pid=1, ttl=ttl)


def taken(store: Store, *, ttl: timedelta = LONG) -> int:
    token = take(store, ttl=ttl)
    assert token is not None
    return token


def test_only_one_of_many_who_ask_at_once_leads(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: take(store), range(24)))
    assert sum(token is not None for token in tokens) == 1


def test_a_lease_that_ran_out_goes_to_somebody_else_with_a_greater_token(store: Store) -> None:
    first = taken(store, ttl=SHORT)
    second = wait_until(lambda: take(store))
    assert second is not None and second > first
    assert not store.renew_lease(first, ttl=LONG)
    assert store.renew_lease(second, ttl=LONG)


def test_a_lease_that_is_given_back_is_free_at_once(store: Store) -> None:
    store.release_lease(taken(store))
    assert take(store)


def test_a_clock_that_was_set_back_makes_no_lease_last(store: Store) -> None:
    taken(store, ttl=timedelta(hours=1))
    assert take(store)


WRITES: list[Callable[[Store], object]] = [
    lambda store: ingest(store, "etl", BoxLog().boot().events, log_id=LOG, now=NOON),
    lambda store: close_lost(store, "etl", reason="dead", now=NOON),
    lambda store: store.add_missed([]),
    lambda store: store.remove_runs([1]),
    lambda store: store.set_wanted("etl", False, at=NOON),
    lambda store: store.set_installed("etl", "d1"),
    lambda store: store.note_death("etl", reason="oom"),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_leader_that_was_replaced_writes_nothing(store: Store, write: Callable[[Store], object]) -> None:
    old = store.fenced(taken(store, ttl=SHORT))
    wait_until(lambda: take(store))
    with pytest.raises(LeaseLost):
        write(old)
    assert (store.cursors(), store.box_states()) == ({}, {})


def test_a_new_leader_waits_until_a_writer_of_the_old_one_has_ended(store: Store) -> None:
    old = store.fenced(taken(store, ttl=SHORT))
    with ThreadPoolExecutor(1) as pool:
        with old.transaction():
            new = pool.submit(wait_until, lambda: take(store))
            threading.Event().wait(0.5)
            assert not new.done()
        assert new.result(timeout=10)


def test_a_writer_does_not_keep_its_leader_from_renewing(store: Store) -> None:
    token = taken(store)
    with store.fenced(token).transaction():
        assert store.renew_lease(token, ttl=LONG)


def test_a_leader_that_hangs_amid_a_transaction_keeps_nobody_waiting_for_long(store: Store) -> None:
    old = store.fenced(taken(store, ttl=SHORT))
    with pytest.raises(StoreError), old.transaction():
        assert wait_until(lambda: take(store), within=10)
        store.set_wanted("etl", False, at=NOON)
    assert list(store.box_states()) == ["etl"]


def a_site(folder: Path, store: Store, engine: FakeEngine) -> Site:
    (folder / "config.toml").write_text('[cronbox]\ndatabase = "postgresql+psycopg://shared"\n')
    config = load_config(folder / "config.toml")
    return Site(config, connect=lambda: engine, open_store=lambda: store, now=lambda: NOON)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def term(tmp_path: Path, store: Store, engine: FakeEngine) -> Iterator[Term]:
    found = terms(a_site(tmp_path, store, engine), threading.Event())
    yield next(found)
    found.close()  # type: ignore[attr-defined]


def replace(store: Store) -> None:
    """Another daemon leads."""
    leader = store.leader()
    assert leader is not None
    store.release_lease(leader.token)
    assert take(store)


def test_the_leader_acts_on_boxes_and_everybody_knows_of_it(term: Term, store: Store) -> None:
    container = term.site.engine.create(BoxSpec("shop", "etl", "sha256:1", 1, "UTC"))
    term.site.engine.start(container)
    assert term.leading()
    assert "process" in str(who_leads(term.site))


def test_a_leader_that_was_replaced_acts_no_more_on_boxes_but_may_look(term: Term, store: Store) -> None:
    spec = BoxSpec("shop", "etl", "sha256:1", 1, "UTC")
    container = term.site.engine.create(spec)
    replace(store)
    engine = term.site.engine
    acts: list[Callable[[], object]] = [
        lambda: engine.create(spec),
        lambda: engine.start(container),
        lambda: engine.stop(container, timeout=1),
        lambda: engine.remove(container),
        lambda: engine.remove_volumes("shop", "etl"),
        lambda: engine.exec(container, ["install"], stdin=b"x"),
    ]
    for act in acts:
        with pytest.raises(LeaseLost):
            act()
    assert [box.state for box in engine.boxes("shop")] == ["created"]


def test_a_leader_that_was_replaced_learns_of_it_by_itself(term: Term, store: Store) -> None:
    replace(store)
    wait_until(lambda: not term.leading(), within=10)


def test_a_tail_of_a_leader_that_was_replaced_ends(term: Term, store: Store, engine: FakeEngine) -> None:
    site = term.site
    container = engine.create(BoxSpec("shop", "etl", "sha256:1", 1, "UTC"))
    engine.start(container)
    engine.append_log(container, BoxLog().boot().data)
    replace(store)
    with pytest.raises(LeaseLost):
        Tail(site.engine, site.store, "etl", container=container, now=site.now).run()
    assert store.cursor("etl") is None


def test_a_term_that_is_over_gives_the_lease_back(tmp_path: Path, store: Store) -> None:
    found = terms(a_site(tmp_path, store, FakeEngine()), threading.Event())
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert take(store)


def test_a_daemon_that_waits_tells_each_time_that_it_has_looked(
    term: Term, tmp_path: Path, store: Store
) -> None:
    """By that its page knows that it is well."""
    stopped, looks = threading.Event(), []

    def looked() -> None:
        looks.append(len(looks))
        stopped.set()

    assert list(terms(a_site(tmp_path, store, FakeEngine()), stopped, looked)) == []
    assert looks == [0]


def test_a_lease_lives_on_past_its_first_time(term: Term, store: Store) -> None:
    first = store.leader()
    threading.Event().wait(9)
    assert term.leading() and store.leader() == first
