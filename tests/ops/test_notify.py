"""From a run's end to a message: in one transaction with it, at least once, and with restraint."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from cronbox.errors import NotSent
from cronbox.model.alert import Kind
from cronbox.model.conditions import Condition
from cronbox.model.conditions import Kind as Seen
from cronbox.model.run import Run, Status, Trigger
from cronbox.ops.alert import note_condition, note_runs
from cronbox.ops.ingest import close_lost
from cronbox.ops.notify import ATTEMPTS, LEASE, Sender, pause_after
from cronbox.ops.send import within
from cronbox.ops.targets import targets_of
from cronbox.store import Store, outbox
from tests.ops.boxlog import NOON, BoxLog
from tests.ops.listener import Listener
from tests.ops.notices import Post
from tests.project import wait_until

pytestmark = pytest.mark.slow

SECRET = "s3cr3t-in-the-address"


DATABASE = "1.db"


@pytest.fixture(autouse=True)
def every_log() -> None:
    """What a command of an earlier test said of levels does not hold here."""
    structlog.reset_defaults()


@pytest.fixture
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.close()


@pytest.fixture
def post(tmp_path: Path, store: Store) -> Post:
    return Post(tmp_path, store)


@pytest.fixture
def filed(tmp_path: Path, sqlite_store: Store) -> Post:
    """A post whose database others can open, too: DATABASE in the test's folder."""
    return Post(tmp_path, sqlite_store)


def to(listener: Listener, keys: str = "") -> str:
    return f'[[notify]]\nname = "ops"\nurl = "json://user:{SECRET}@{listener.address}/hook"\n{keys}\n'


def test_a_failed_run_is_told_with_its_last_output(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    log = BoxLog().boot().started("r1").output("r1", "first", "no route to host")
    post.take(log.finished("r1", "failed", exit_code=3))
    post.send()
    [message] = listener.messages
    assert message["title"] == "etl/load failed (exit code 3)"
    assert "  no route to host" in message["message"] and "cronbox show r1" in message["message"]
    assert post.states == ["sent"]


def test_a_log_that_is_read_again_tells_nothing_again(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    log = BoxLog().boot().started("r1").finished("r1", "failed")
    post.take(log)
    post.take(log)
    post.send()
    assert len(listener.messages) == 1


def test_the_row_of_a_run_and_the_row_of_its_message_are_written_together_or_not_at_all(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    with pytest.raises(ZeroDivisionError), post.store.transaction() as tx:
        note_condition(tx, Kind.BOX_DOWN, a_condition(), now=NOON)
        raise ZeroDivisionError
    assert post.log == []


def test_runs_of_a_dead_box_are_told_as_lost(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    post.take(BoxLog().boot().started("r1"))
    close_lost(post.store, "etl", reason="the box is gone", now=NOON)
    post.send()
    assert listener.titles == ["etl/load was lost (the box is gone)"]


def test_an_attempt_that_is_tried_again_is_not_told(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    log = BoxLog().boot().started("r1").finished("r1", "failed")
    again = {"trigger": "retry", "attempt": 2, "origin": "r1"}
    post.take(log.queued("r2", **again))
    post.send()
    assert listener.titles == []
    post.take(log.started("r2", **again).finished("r2", "failed", exit_code=4))
    post.send()
    assert listener.titles == ["etl/load failed (exit code 4)"]


def test_what_failed_in_a_row_is_remembered_over_a_restart(
    tmp_path: Path, filed: Post, listener: Listener
) -> None:
    filed.configure(to(listener, "after = 2"))
    filed.ended("failed")
    again = Store.open(f"sqlite:///{tmp_path}/{DATABASE}")
    other = Post(tmp_path, again).configure(to(listener, "after = 2"))
    other.runs = 7
    other.ended("failed", "failed", "succeeded", "succeeded")
    other.send()
    again.close()
    assert listener.titles == ["etl/load failed (exit code 3)", "etl/load recovered"]


def test_each_target_is_told_what_it_wants_of_the_jobs_it_wants(post: Post, listener: Listener) -> None:
    post.configure(
        to(listener, 'jobs = ["etl/load"]\nwhen = ["failed"]')
        + f'[[notify]]\nurl = "json://{listener.address}/all"\nwhen = ["success"]\n'
    )
    post.ended("failed", "succeeded")
    post.ended("failed", "succeeded", job="tidy")
    post.send()
    assert sorted(listener.titles) == [
        "etl/load failed (exit code 3)",
        "etl/load succeeded",
        "etl/tidy succeeded",
    ]


def test_a_job_chooses_its_targets_in_its_directive(post: Post, listener: Listener) -> None:
    file = post.root / "crontabs" / "etl" / "jobs"
    file.parent.mkdir(parents=True)
    file.write_text(
        "# cronbox: name=load notify=none\n* * * * * root a\n"
        "# cronbox: name=tidy notify=ops\n* * * * * root b\n"
    )
    post.configure("[boxes.web]\n" + to(listener, 'jobs = ["web"]'))
    for job in ("load", "tidy", "third"):
        post.ended("failed", job=job)
    post.send()
    assert listener.titles == ["etl/tidy failed (exit code 3)"]


def test_a_job_that_names_only_targets_there_are_not_is_told_all_the_same(
    post: Post, listener: Listener
) -> None:
    file = post.root / "crontabs" / "etl" / "jobs"
    file.parent.mkdir(parents=True)
    file.write_text("# cronbox: name=load notify=opps\n* * * * * root a\n")
    with capture_logs() as logs:
        post.configure(to(listener))
        post.configure(to(listener))
    post.ended("failed")
    post.send()
    assert listener.titles == ["etl/load failed (exit code 3)"]
    assert [(entry["event"], entry["target"]) for entry in logs] == [("notify_target_unknown", "opps")]


def a_condition(kind: Seen = Seen.BOX_DOWN, job: str = "", *, over: bool = False) -> Condition:
    return Condition("etl", job, kind, NOON, "no tick", NOON if over else None)


def test_a_box_that_is_down_is_told_once_and_its_return_too(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    for over in (False, False, True, True):
        with post.store.transaction() as tx:
            note_condition(tx, Kind.BOX_DOWN, a_condition(over=over), now=post.now)
    post.send()
    assert listener.titles == ["etl is down", "etl recovered from box_down"]


def test_what_failed_is_told_as_a_failure_and_what_recovered_as_a_success(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    post.ended("failed")
    post.send()
    post.ended("succeeded")
    post.send()
    assert [message["type"] for message in listener.messages] == ["failure", "success"]


def test_the_end_of_one_condition_is_not_the_end_of_another_that_is_told_alike(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    told = [a_condition(Seen.NO_TICK), a_condition(Seen.CLOCK_SKEW), a_condition(Seen.NO_TICK, over=True)]
    for condition in told:
        with post.store.transaction() as tx:
            note_condition(tx, Kind.DEGRADED, condition, now=post.now)
    post.send()
    assert listener.titles == [
        "etl is degraded (no_tick)",
        "etl is degraded (clock_skew)",
        "etl recovered from no_tick",
    ]
    with post.store.transaction() as tx:
        note_condition(tx, Kind.DEGRADED, a_condition(Seen.CLOCK_SKEW, over=True), now=post.now)
    post.send()
    assert listener.titles[3:] == ["etl recovered from clock_skew"]


def test_a_box_that_is_put_down_has_not_recovered_and_its_next_fall_is_told_anew(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    for over, silently in ((False, False), (True, True), (False, False)):
        with post.store.transaction() as tx:
            note_condition(tx, Kind.BOX_DOWN, a_condition(over=over), now=post.now, silently=silently)
    post.send()
    assert listener.titles == ["etl is down", "etl is down"]


def test_slots_that_are_found_missed_together_are_one_message(post: Post, listener: Listener) -> None:
    post.configure(to(listener) + f'[[ping]]\nurl = "http://{listener.address}/ping"\n')
    slots = [NOON - timedelta(minutes=minute) for minute in range(600)]
    missed = [
        Run(f"m{n}", "etl", "load", Trigger.CRON, Status.MISSED, scheduled_for=slot)
        for n, slot in enumerate(slots)
    ]
    with post.store.transaction() as tx:
        note_runs(tx, missed, now=post.now)
    post.send()
    [message] = listener.messages
    assert message["title"] == "etl/load was missed"
    assert "failures in a row: 600" in message["message"] and "cronbox show m0" in message["message"]
    assert listener.paths.count("/ping/fail") == 1


def test_what_happened_long_ago_is_counted_and_not_told(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    log = BoxLog().boot().started("r1").finished("r1", "failed")
    post.now = NOON + timedelta(days=3)
    post.take(log)
    assert post.log == []


# When it does not go out


def test_a_server_that_fails_is_tried_again_with_longer_and_longer_pauses(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    listener.answer = 500
    post.ended("failed")
    for attempt in range(1, 5):
        post.send()
        [delivery] = post.log
        assert (delivery.state, delivery.attempts) == ("waiting", attempt)
        assert delivery.error == "json: the server answered 500"
        assert delivery.notice.next_at == post.now + pause_after(attempt)
        post.now = delivery.notice.next_at
    listener.answer = 200
    post.send()
    assert listener.titles == ["etl/load failed (exit code 3)"] and post.states == ["sent"]


def test_a_server_that_is_down_for_a_day_is_given_up(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    listener.close()
    post.ended("failed")
    begun = post.now
    while post.states == ["waiting"]:
        post.at(max(post.now, post.log[0].notice.next_at))
    assert (post.states, post.log[0].attempts) == (["given_up"], ATTEMPTS)
    assert timedelta(hours=20) < post.now - begun < timedelta(hours=30)


def test_a_server_that_is_down_is_not_asked_once_for_each_message(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    listener.answer = 500
    post.ended(*["failed"] * 20)
    post.send()
    assert len(listener.paths) == 1
    listener.answer = 200
    post.later(seconds=30)
    assert len(listener.messages) == 20


@pytest.mark.parametrize(
    ("answer", "state"),
    [(404, "given_up"), (403, "given_up"), (408, "waiting"), (425, "waiting"), (429, "waiting")],
)
def test_an_answer_that_will_stay_a_no_is_given_up_at_once(
    post: Post, listener: Listener, answer: int, state: str
) -> None:
    post.configure(to(listener))
    listener.answer = answer
    post.ended("failed")
    post.send()
    assert (post.states, post.log[0].error) == ([state], f"json: the server answered {answer}")


def test_an_address_that_apprise_does_not_take_is_given_up_at_once(post: Post) -> None:
    post.configure(f'[[notify]]\nurl = "nonsense://{SECRET}@host"\n')
    post.ended("failed")
    post.send()
    [delivery] = post.log
    assert (delivery.state, delivery.attempts) == ("given_up", 1)
    assert delivery.error == "apprise does not take this nonsense:// address"


def test_an_address_that_cannot_be_had_yet_is_tried_again(post: Post, listener: Listener) -> None:
    post.configure('[[notify]]\nurl_file = "address"\n')
    post.ended("failed")
    post.send()
    assert post.states == ["waiting"]
    (post.root / "address").write_text(f"json://{listener.address}\n")
    post.later(minutes=1)
    assert post.states == ["sent"]


class Names(logging.Handler):
    """Who says something in the log of the whole program."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)


def test_no_secret_of_an_address_comes_to_light(
    filed: Post,
    listener: Listener,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    nowhere = f'[[notify]]\nurl = "mailto://u:{SECRET}@127.0.0.1:1/?smtp=127.0.0.1&from=a@example.com"\n'
    odd = f'[[notify]]\nurl = "odd://{SECRET}"\n[[ping]]\nurl = "http://{SECRET}.invalid/{SECRET}"\n'
    filed.configure(to(listener) + nowhere + odd)
    listener.answer = 403
    filed.ended("running", "failed")
    root = Names()
    logging.getLogger().addHandler(root)
    with capture_logs() as logs:
        filed.send()
    logging.getLogger().removeHandler(root)
    assert len(logs) >= 4
    assert root.names.isdisjoint({"apprise"})
    shown = [str(logs), str([delivery.as_json() for delivery in filed.log]), *capfd.readouterr()]
    shown += [repr(targets_of(filed.site.config)), repr(filed.site.config.file)]
    assert not any(SECRET in text for text in shown)
    files = [path.read_bytes() for path in tmp_path.glob(f"{DATABASE}*")]
    assert files and not any(SECRET.encode() in content for content in files)


# Two at once, and one that dies


def test_two_senders_send_each_message_once(filed: Post, listener: Listener, tmp_path: Path) -> None:
    filed.configure(to(listener))
    filed.ended(*["failed"] * 30)
    listener.delay = 0.01

    stores = [Store.open(f"sqlite:///{tmp_path}/{DATABASE}") for _ in range(3)]
    senders = [Post(tmp_path, store).configure(to(listener)) for store in stores]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Post.send, senders))
    for store in stores:
        store.close()
    assert len(listener.messages) == 30 and set(filed.states) == {"sent"}


def test_one_row_is_never_held_by_two(post: Post, listener: Listener) -> None:
    post.configure(to(listener))
    post.ended("failed")
    with post.store.transaction() as tx:
        first = outbox.take(tx, "ops", now=post.now, claim="a", lease=post.now + LEASE, most=1)
        second = outbox.take(tx, "ops", now=post.now, claim="b", lease=post.now + LEASE, most=1)
    assert (len(first), len(second)) == (1, 0)


CHILD = """
import os, signal, sys
from pathlib import Path
from cronbox.ops import notify
from cronbox.ops.send import within
from cronbox.ops.targets import targets_of
from cronbox.store import Store
from tests.ops.notices import Post
from tests.project import wait_until

post = Post(Path(sys.argv[1]), Store.open(f"sqlite:///{sys.argv[1]}/1.db"))
post.configure(Path(sys.argv[1], "config.toml").read_text())
target = targets_of(post.site.config)["ops"]
taken = notify._take(post.site, target, "dead", post.now)
notify._send(post.site, target, taken)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_sender_killed_between_sending_and_marking_sends_again_and_loses_nothing(
    filed: Post, listener: Listener, tmp_path: Path
) -> None:
    filed.configure(to(listener))
    filed.ended("failed")
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], check=False, cwd=Path.cwd())
    assert child.returncode == -signal.SIGKILL
    assert len(listener.messages) == 1
    filed.send()
    assert filed.states == ["waiting"], "its lease is not over yet"
    filed.now += LEASE
    filed.send()
    assert (len(listener.messages), filed.states) == (2, ["sent"])


def test_a_sender_that_comes_back_after_its_lease_does_not_undo_what_another_did(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener))
    post.ended("failed")
    with post.store.transaction() as tx:
        taken = outbox.take(tx, "ops", now=post.now, claim="slow", lease=post.now + LEASE, most=1)
    post.later(minutes=6)
    with post.store.transaction() as tx:
        outbox.retry(tx, "slow", [taken[0].pk], post.now, "late")
        outbox.done(tx, "slow", "given_up", post.now, "late")
    assert post.states == ["sent"] and post.log[0].error is None


# With restraint


def test_a_digest_gathers_for_its_time_and_is_one_message(post: Post, listener: Listener) -> None:
    post.configure(to(listener, 'digest = "15m"'))
    post.ended("failed")
    post.later(minutes=10)
    post.ended("failed", job="tidy")
    assert listener.titles == []
    post.later(minutes=5)
    assert listener.titles == ["etl/load failed (exit code 3); etl/tidy failed (exit code 3)"]
    assert post.states == ["sent", "sent"]


def test_quiet_hours_hold_back_and_end_in_one_message(post: Post, listener: Listener) -> None:
    post.configure(to(listener, 'quiet = "12:00-14:00"\nzone = "Europe/Berlin"'))
    post.at(NOON.replace(hour=11, minute=30))
    post.ended("failed")
    post.ended("failed", job="tidy")
    post.later(minutes=60)
    assert listener.titles == []
    post.at(NOON.replace(hour=13))
    assert len(listener.titles) == 1 and post.states == ["sent", "sent"]
    post.ended("failed")
    post.send()
    assert len(listener.titles) == 2


def test_over_the_daily_cap_is_counted_and_told_in_one_line_the_next_day(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener, "daily_cap = 2"))
    for _ in range(5):
        post.ended("failed")
        post.later(minutes=1)
    assert len(listener.titles) == 2
    post.at(NOON.replace(hour=23, minute=59))
    assert len(listener.titles) == 2
    post.at(NOON.replace(hour=0) + timedelta(days=1))
    assert listener.titles[2:] == ["3 notifications were not sent: daily_cap"]
    post.ended("failed")
    post.send()
    assert len(listener.titles) == 4


def test_what_tells_of_the_cap_is_not_gathered_into_a_digest_of_the_same_day(
    post: Post, listener: Listener
) -> None:
    post.configure(to(listener, 'daily_cap = 1\ndigest = "1h"'))
    for _ in range(3):
        post.ended("failed")
        post.later(hours=1)
    assert (len(listener.titles), post.states.count("capped")) == (1, 2)
    post.at(NOON.replace(hour=0) + timedelta(days=1))
    assert listener.titles[1:] == ["2 notifications were not sent: daily_cap"]


def test_the_log_of_deliveries_is_bounded(
    post: Post, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.configure(to(listener))
    rows = [
        outbox.Notice("ops", "failed", "etl", "load", "t", "", NOON, NOON) for _ in range(outbox.KEPT + 10)
    ]
    with post.store.transaction() as tx:
        outbox.add(tx, rows)
        tx.exec_driver_sql("UPDATE outbox SET state = 'sent', done_at = 1")
    post.ended("failed")
    post.send()
    assert len(post.log) == outbox.KEPT and post.log[-1].notice.run == "r1"


# Pings


def test_pings_tell_of_starts_and_ends(post: Post, listener: Listener) -> None:
    post.configure(f'[[ping]]\nurl = "http://{listener.address}/abc?x=1"\njobs = ["etl/load"]\n')
    for status in ("running", "succeeded", "running", "failed"):
        post.ended(status)
        post.ended(status, job="other")
        post.send()
    assert listener.paths == ["/abc/start?x=1", "/abc?x=1", "/abc/start?x=1", "/abc/fail?x=1"]


def test_a_ping_that_could_not_be_sent_does_not_come_after_a_newer_one(
    post: Post, listener: Listener
) -> None:
    post.configure(f'[[ping]]\nurl = "http://{listener.address}/abc"\n')
    listener.answer = 503
    post.ended("running")
    post.send()
    listener.answer = 200
    listener.paths.clear()
    post.ended("succeeded")
    post.send()
    post.later(hours=1)
    assert listener.paths == ["/abc"] and post.states == ["superseded", "sent"]


def test_an_address_that_knows_no_such_ping_is_given_up(post: Post, listener: Listener) -> None:
    post.configure(f'[[ping]]\nurl = "http://{listener.address}/abc"\n')
    listener.answer = 404
    post.ended("succeeded")
    post.send()
    assert (post.states, post.log[0].error) == (["given_up"], "the server answered 404")


# The sender's own thread


@pytest.fixture
def serve(post: Post) -> Iterator[Callable[..., None]]:
    """Starts senders, as the daemon does, and stops them."""
    stopped = threading.Event()
    threads: list[threading.Thread] = []

    def start(well: bool = True) -> None:
        sender = Sender(post.site, well=lambda: well, stopped=stopped)
        threads.append(threading.Thread(target=sender.run))
        threads[-1].start()

    yield start
    stopped.set()
    for thread in threads:
        thread.join()


def test_a_target_that_hangs_holds_up_no_other(
    post: Post, listener: Listener, serve: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = f'[[notify]]\nname = "hangs"\nurl = "json://127.0.0.1:{silent.getsockname()[1]}/?rto=30"\n'
        post.configure(hangs + to(listener))
        post.ended("failed", "failed")
        serve()
        wait_until(lambda: post.states.count("sent") == 2, within=10)
        assert len(listener.messages) == 2 and post.states.count("waiting") == 2


def test_what_takes_too_long_counts_as_not_sent() -> None:
    ends = threading.Event()
    with pytest.raises(NotSent, match=r"not sent within 0\.05 s"):
        within(0.05, lambda: ends.wait(30) and None)
    ends.set()


def test_what_waits_for_a_target_that_is_gone_from_the_config_is_not_sent(
    post: Post, listener: Listener, serve: Callable[..., None]
) -> None:
    post.configure(to(listener))
    post.ended("failed")
    post.configure("")
    serve()
    wait_until(lambda: post.states == ["given_up"], within=10)


def test_the_daemon_s_own_ping_comes_again_and_again(
    post: Post, listener: Listener, serve: Callable[..., None]
) -> None:
    post.configure(f'[daemon]\nping_url = "http://{listener.address}/alive"\nping_every = "5s"\n')
    serve()
    wait_until(lambda: listener.paths == ["/alive", "/alive"], within=15)


def test_a_daemon_that_does_not_do_its_work_pings_nobody(
    post: Post, listener: Listener, serve: Callable[..., None]
) -> None:
    post.configure(f'[daemon]\nping_url = "http://{listener.address}/alive"\n' + to(listener))
    post.ended("failed")
    serve(well=False)
    wait_until(lambda: len(listener.messages) == 1, within=10)
    assert listener.paths == ["/hook"]
