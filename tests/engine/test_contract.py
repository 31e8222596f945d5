"""What every Engine promises. The fake and the real Docker Engine answer to the same assertions."""

from __future__ import annotations

import threading

import pytest

from cronbox.engine import EngineEvent
from cronbox.errors import BoxNotRunning, EngineError, NotFound
from tests.engine.conftest import Workshop, a_recipe

FOLLOW = ["tail", "-n", "+1", "-f", "/log/cron.log"]
APPEND = ["tee", "-a", "/log/cron.log"]
ABSENT = "0" * 64


def test_a_created_box_is_seen_with_its_digest_release_and_image(either: Workshop) -> None:
    container = either.create()
    (seen,) = either.engine.boxes(either.project)
    assert (seen.box, seen.container, seen.state) == ("etl", container, "created")
    assert (seen.digest, seen.release, seen.image) == (either.spec().digest, 1, either.image.id)
    assert (seen.exit_code, seen.started_at) == (None, None)


def test_a_started_box_runs_and_a_stopped_one_shows_its_exit_code(either: Workshop) -> None:
    container = either.running()
    assert either.engine.boxes(either.project)[0].running
    either.engine.stop(container, timeout=10)
    (seen,) = either.engine.boxes(either.project)
    assert (seen.state, seen.exit_code, seen.oom_killed) == ("exited", 0, False)


def test_starting_stopping_and_removing_twice_is_the_same_as_once(either: Workshop) -> None:
    container = either.running()
    either.engine.start(container)
    either.engine.stop(container, timeout=10)
    either.engine.stop(container, timeout=10)
    either.engine.remove(container)
    either.engine.remove(container)
    assert either.engine.boxes(either.project) == []


def test_a_running_box_can_be_removed(either: Workshop) -> None:
    either.engine.remove(either.running())
    assert either.engine.boxes(either.project) == []


def test_a_second_box_of_the_same_name_is_refused(either: Workshop) -> None:
    either.create()
    with pytest.raises(EngineError):
        either.create()


def test_boxes_of_another_project_are_not_seen(either: Workshop) -> None:
    either.create()
    assert either.engine.boxes(f"{either.project}-other") == []


def test_exec_feeds_stdin_and_returns_stdout_and_the_exit_code(either: Workshop) -> None:
    container = either.running()
    done = either.engine.exec(container, ["cat"], stdin=b"three\nlines\n\xff")
    assert (done.exit_code, done.stdout, done.stderr) == (0, b"three\nlines\n\xff", b"")
    assert either.engine.exec(container, ["false"]).exit_code == 1


def test_exec_and_stream_in_a_box_that_stands_still_say_so(either: Workshop) -> None:
    container = either.create()
    with pytest.raises(BoxNotRunning):
        either.engine.exec(container, ["true"])
    with pytest.raises(BoxNotRunning):
        either.engine.stream(container, FOLLOW)


def test_what_is_shown_of_a_container_has_its_state_and_no_value_of_a_variable(either: Workshop) -> None:
    shown = either.engine.inspect(either.create(env=(("PGPASSWORD", "hunter2"),)))
    assert shown["State"]["Status"] == "created"
    assert "PGPASSWORD" in shown["Config"]["Env"] and "hunter2" not in str(shown)
    with pytest.raises(NotFound):
        either.engine.inspect(ABSENT)


def test_what_is_not_there_is_not_found(either: Workshop) -> None:
    engine = either.engine
    for call in (engine.start, lambda c: engine.stop(c, timeout=1), lambda c: engine.exec(c, ["true"])):
        with pytest.raises(NotFound):
            call(ABSENT)
    with pytest.raises(NotFound):
        list(engine.read_log(ABSENT))


def test_an_image_that_cannot_be_had_is_not_found(either: Workshop) -> None:
    with pytest.raises(NotFound):
        either.engine.ensure_image("cronbox.invalid/none:1", print)


def test_an_image_that_is_there_is_not_pulled(either: Workshop) -> None:
    told: list[str] = []
    assert either.engine.ensure_image("debian:bookworm-slim", told.append).startswith("sha256:")
    assert told == []


def test_a_stream_brings_what_was_written_before_and_after(either: Workshop) -> None:
    container = either.running()
    either.engine.exec(container, APPEND, stdin=b'{"seq": 1}\n')
    with either.engine.stream(container, FOLLOW) as chunks:
        assert next(chunks) == b'{"seq": 1}\n'
        either.engine.exec(container, APPEND, stdin=b'{"seq": 2}\n')
        assert next(chunks) == b'{"seq": 2}\n'


def test_closing_a_stream_from_another_thread_ends_the_iteration(either: Workshop) -> None:
    chunks = either.engine.stream(either.running(), ["cat", "-"])
    reader = threading.Thread(target=lambda: list(chunks))
    reader.start()
    chunks.close()
    chunks.close()
    reader.join(timeout=10)
    assert not reader.is_alive()


def test_a_stream_ends_with_its_box(either: Workshop) -> None:
    container = either.running()
    either.engine.exec(container, APPEND, stdin=b'{"seq": 1}\n')
    with either.engine.stream(container, FOLLOW) as chunks:
        next(chunks)
        either.engine.stop(container, timeout=10)
        assert list(chunks) == []


def test_the_log_is_read_from_a_box_that_stands_still(either: Workshop) -> None:
    container = either.running()
    either.engine.exec(container, APPEND, stdin=b'{"seq": 1}\n')
    either.engine.stop(container, timeout=10)
    assert dict(either.engine.read_log(container)) == {"cron.log": b'{"seq": 1}\n'}


def test_the_log_outlives_its_container_until_the_volumes_are_removed(either: Workshop) -> None:
    first = either.running()
    either.engine.exec(first, APPEND, stdin=b'{"seq": 1}\n')
    either.engine.remove(first)
    second = either.create()
    assert dict(either.engine.read_log(second)) == {"cron.log": b'{"seq": 1}\n'}
    with pytest.raises(EngineError):
        either.engine.remove_volumes(either.project, "etl")
    either.engine.remove(second)
    either.engine.remove_volumes(either.project, "etl")
    assert list(either.engine.read_log(either.create())) == []


def test_events_tell_the_life_of_a_box_from_the_subscription_on(either: Workshop) -> None:
    container = either.create()
    with either.engine.events(either.project) as events:
        either.start(container)
        either.engine.stop(container, timeout=10)
        either.engine.remove(container)
        told: list[EngineEvent] = [next(events) for _ in range(3)]
    assert [(event.action, event.exit_code) for event in told] == [
        ("start", None),
        ("die", 0),
        ("destroy", None),
    ]
    assert {(event.box, event.container) for event in told} == {("etl", container)}


def test_closing_events_from_another_thread_ends_the_iteration(either: Workshop) -> None:
    events = either.engine.events(either.project)
    listener = threading.Thread(target=lambda: list(events))
    listener.start()
    events.close()
    events.close()
    listener.join(timeout=10)
    assert not listener.is_alive()


def test_releases_are_listed_newest_first_and_removed_one_by_one(either: Workshop) -> None:
    recipe = a_recipe()
    second, third = either.build(recipe, release=2), either.build(recipe, release=3)
    listed = either.engine.images(either.project, "etl")
    assert [image.release for image in listed if image.release in (2, 3)] == [3, 2]
    assert (third.recipe, third.tag) == (recipe.digest, f"cronbox/{either.project}-etl:3")
    for image in (second, third, third):
        either.engine.remove_image(image)
    assert not {2, 3} & {image.release for image in either.engine.images(either.project)}


def test_the_image_of_a_box_cannot_be_removed(either: Workshop) -> None:
    either.create()
    with pytest.raises(EngineError):
        either.engine.remove_image(either.image)


def test_the_engine_tells_its_clock_as_aware_utc(either: Workshop) -> None:
    now = either.engine.info().now
    assert now is not None
    assert now.utcoffset() is not None
