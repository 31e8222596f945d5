"""The agent under pressure: a FIFO that is full, a job that floods, and jobs that go on for ever."""

from __future__ import annotations

import signal
import subprocess
import time
from datetime import datetime

import pytest

from tests.agent.builders import Box, an_entry

pytestmark = pytest.mark.slow

WRITERS, LINE_BYTES = 32, 4095
"""Twice what a FIFO holds; each line fills a page, so that not even a short one finds room beside it."""
FLOOD = "exec yes $(head -c 1000 /dev/zero | tr '\\0' x)"


def test_writers_to_a_full_fifo_wait_and_no_line_is_lost(box: Box) -> None:
    box.install(an_entry("load", "true", overlap="allow"))
    box.start()
    assert box.agent
    box.agent.send_signal(signal.SIGSTOP)
    writers = [_echo(box, "load".ljust(LINE_BYTES)) for _ in range(WRITERS)]
    time.sleep(1)
    waiting = [writer for writer in writers if writer.poll() is None]
    box.agent.send_signal(signal.SIGCONT)
    assert len(waiting) > WRITERS // 4
    assert [writer.wait(20) for writer in writers] == [0] * WRITERS
    box.wait(lambda: len(box.events("finished", job="load", status="succeeded")) == WRITERS)


def _echo(box: Box, line: str) -> subprocess.Popen[bytes]:
    """What cron does with a trigger line."""
    return subprocess.Popen(["sh", "-c", f'echo "$1" >{box.paths.trigger}', "sh", line])


def test_a_command_that_finds_the_fifo_full_gives_up_and_says_so(box: Box) -> None:
    box.start()
    assert box.agent
    box.agent.send_signal(signal.SIGSTOP)
    writers = [_echo(box, "load".ljust(LINE_BYTES)) for _ in range(WRITERS)]
    time.sleep(1)
    sent = box.call("send", stdin=b'{"do": "reload"}')
    box.agent.send_signal(signal.SIGCONT)
    assert (sent.returncode, sent.stderr) == (1, b"the agent does not read its FIFO\n")
    for writer in writers:
        writer.wait(20)


def test_beside_a_flood_another_job_starts_and_is_heard_promptly(box: Box) -> None:
    quiet = "for i in 1 2 3 4 5; do date +%s.%N; sleep 0.3; done"
    box.install(an_entry("flood", FLOOD, output_limit=30_000_000), an_entry("quiet", quiet))
    box.start()
    box.say("flood")
    box.wait_event("output")
    asked = time.time()
    box.say("quiet")
    end = box.finished("quiet")
    _kill(box, "flood")
    heard = _began(box, end["run"])
    texts = [float(text) for _, text in box.printed(end["run"])]
    assert len(texts) == 5
    assert texts[0] - asked < 1.0
    assert max(moment - text for moment, text in zip(heard, texts, strict=True)) < 0.5


def _began(box: Box, run: str) -> list[float]:
    """When the agent read each line of a run, epoch seconds to some milliseconds."""
    began = datetime.fromisoformat(box.wait_event("started", run=run)["t"]).timestamp()
    return [began + line[0] for batch in box.events("output", run=run) for line in batch["lines"]]


def test_the_lines_of_a_job_that_never_ends_are_told_while_it_goes_on(box: Box) -> None:
    box.install(an_entry("watch", "while :; do echo alive; sleep 0.1; done"))
    box.start()
    box.say("watch")
    box.wait(lambda: sum(len(batch["lines"]) for batch in box.events("output")) >= 10)
    assert not box.events("finished")
    _kill(box, "watch")


def test_a_job_that_asks_gets_no_answer_and_does_not_wait_for_one(box: Box) -> None:
    box.install(
        an_entry("ask", 'read -p "Sure? " answer || echo "no answer"; tty; :', env=[["SHELL", "/bin/bash"]])
    )
    box.start()
    box.say("ask")
    end = box.finished("ask")
    assert end["status"] == "succeeded"
    assert [text for _, text in box.printed(end["run"])] == ["no answer", "not a tty"]


def test_colours_are_kept(box: Box) -> None:
    box.install(an_entry("paint", r"printf '\033[31mred\033[0m\r\n'"))
    box.start()
    box.say("paint")
    assert box.printed(box.finished("paint")["run"]) == [("out", "\x1b[31mred\x1b[0m\r")]


def test_what_goes_to_one_stream_after_the_other_is_told_in_that_order(box: Box) -> None:
    command = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.05; echo $i >&2; sleep 0.05; done"
    box.install(an_entry("turns", command))
    box.start()
    box.say("turns")
    wanted = [(stream, str(number)) for number in range(1, 9) for stream in ("out", "err")]
    assert box.printed(box.finished("turns")["run"]) == wanted


def _kill(box: Box, job: str) -> None:
    run = box.wait_event("started", job=job)["run"]
    box.say(f'@do {{"do": "kill", "run": "{run}", "by": "test"}}')
    box.finished(job)
