"""`cronbox notify`: whether messages reach people, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cronbox.store import Store, outbox
from tests.cli.desk import NOON, Desk
from tests.ops.listener import Listener

SECRET = "s3cr3t"


@pytest.fixture
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.close()


def configure(desk: Desk, listener: Listener) -> None:
    desk.configure(
        f'[[notify]]\nname = "ops"\nurl = "json://u:{SECRET}@{listener.address}"\n'
        f'[[notify]]\nname = "night"\nurl = "odd://{SECRET}"\n'
    )


def written(desk: Desk, *states: str) -> None:
    store = Store.open(f"sqlite:///{desk.root}/cronbox.db")
    store.upgrade()
    with store.transaction() as tx:
        for state in states:
            notice = outbox.Notice(state, "failed", "etl", "load", "etl/load failed", "", NOON, NOON, "r1")
            outbox.add(tx, [notice])
            outbox.take(tx, state, now=NOON, claim=state, lease=NOON, most=1)
            if state != "waiting":
                outbox.done(tx, state, state, NOON, "json: the server answered 500")
    store.close()


def test_a_test_message_is_sent_and_its_way_is_told(desk: Desk, listener: Listener) -> None:
    configure(desk, listener)
    answer = desk("notify", "test", "ops")
    assert (answer.code, answer.out.split()) == (0, ["ok", "ops:", "sent"])
    assert listener.titles == ["cronbox: a test message"]


def test_without_a_name_every_target_is_tried_and_one_that_fails_is_the_verdict(
    desk: Desk, listener: Listener
) -> None:
    configure(desk, listener)
    answer = desk("notify", "test", "--json")
    assert answer.code == 1
    assert answer.json == [
        {"target": "ops", "sent": True, "error": None},
        {"target": "night", "sent": False, "error": "apprise does not take this odd:// address"},
    ]
    assert SECRET not in answer.out + answer.err + desk("notify", "test").out


def test_a_server_that_says_no_is_told_with_its_code(desk: Desk, listener: Listener) -> None:
    configure(desk, listener)
    listener.answer = 401
    answer = desk("notify", "test", "ops")
    assert answer.code == 1 and "json: the server answered 401" in answer.out


@pytest.mark.parametrize("action", ["test", "log"])
def test_a_target_that_there_is_not_is_not_found(desk: Desk, listener: Listener, action: str) -> None:
    configure(desk, listener)
    answer = desk("notify", action, "opps")
    assert answer.code == 4 and "night, ops" in answer.err


def test_a_test_without_any_target_says_where_to_read(desk: Desk) -> None:
    answer = desk("notify", "test")
    assert answer.code == 4 and "docs/notify.md" in answer.err


def test_the_log_lists_what_was_sent_and_what_waits(desk: Desk) -> None:
    written(desk, "waiting", "given_up")
    newest, oldest = desk("notify", "log", "--json").json
    assert (oldest["state"], oldest["attempts"], oldest["next_try"]) == ("waiting", 1, "2026-03-02T12:00:00Z")
    assert (newest["state"], newest["last_error"]) == ("given_up", "json: the server answered 500")
    assert (newest["next_try"], newest["run"], newest["kind"]) == (None, "r1", "failed")
    table = desk("notify", "log").out
    assert "etl/load failed" in table and "given_up" in table


def test_an_empty_log_says_so(desk: Desk) -> None:
    assert desk("notify").out == desk("notify", "log").out == "Nothing was sent yet, and nothing waits.\n"
    assert desk("notify", "log", "--json").json == []


def test_another_action_is_wrong_use(desk: Desk) -> None:
    assert desk("notify", "shout").code == 2
