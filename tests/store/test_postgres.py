"""What only PostgreSQL does: it goes away and comes back, and it has its own idea of texts and plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from signal import SIGQUIT

import pytest

from cronbox.errors import StoreError, StoreLost, StoreRefused
from cronbox.store import Store
from tests.databases import Postgres
from tests.ops.boxlog import NOON
from tests.postgres import Server, running

pytestmark = pytest.mark.postgres


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that this test alone may stop."""
    with running() as server:
        yield server


def test_a_store_whose_server_crashed_says_so_and_works_again_when_it_is_back(own_server: Server) -> None:
    with closing(Postgres(lambda: own_server).store()) as store:
        store.set_wanted("etl", False, at=NOON)
        own_server.stop(SIGQUIT)
        for _ in range(2):
            with pytest.raises(StoreLost):
                store.box_states()
            with pytest.raises(StoreLost):
                store.set_wanted("web", True, at=NOON)
        own_server.start()
        assert list(store.box_states()) == ["etl"]
        store.set_wanted("web", True, at=NOON)


def test_no_password_is_in_what_a_lost_store_says(own_server: Server) -> None:
    url = Postgres(lambda: own_server).url()
    own_server.stop()
    with pytest.raises(StoreLost) as lost:
        Store.open(url)
    assert own_server.password not in lost.value.in_full() + lost.value.hint


def test_a_server_that_lets_us_not_in_is_told_from_one_that_is_gone(postgres: Server) -> None:
    url = postgres.url("postgres")
    for wrong in (url.replace(postgres.password, "elsewhere"), postgres.url("nowhere")):
        with pytest.raises(StoreRefused) as refused:
            Store.open(wrong)
        assert "password" in refused.value.hint
        assert "elsewhere" not in refused.value.in_full() + refused.value.hint


def test_an_option_that_libpq_does_not_know_is_a_matter_of_the_config(postgres: Server) -> None:
    with pytest.raises(StoreError) as refused:
        Store.open(f"{postgres.url('postgres')}?sslmod=require")
    assert "sslmod" in refused.value.message and "config.toml" in refused.value.hint
    assert "\n" not in refused.value.message
