"""A real agent with real processes; only crond is one that sleeps."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.agent.builders import Box, an_entry

pytestmark = pytest.mark.slow


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_due_job_runs_and_its_end_is_told(box: Box) -> None:
    box.install(an_entry("load", "echo out; echo err >&2; exit 3"))
    box.start()
    box.say("load")
    end = box.finished("load")
    assert (end["status"], end["exit_code"], end["reason"]) == ("failed", 3, "exit code 3")
    assert sorted(box.printed(end["run"])) == [("err", "err"), ("out", "out")]
    (started,) = box.events("started")
    assert (started["run"], started["trigger"], started["user"]) == (end["run"], "cron", "root")


def test_a_code_that_the_job_calls_ok_is_success(box: Box) -> None:
    box.install(an_entry("load", "exit 3", ok_codes=[0, 3]))
    box.start()
    box.say("load")
    assert box.finished("load")["status"] == "succeeded"


def test_a_job_is_its_user_in_every_respect(box: Box) -> None:
    box.install(
        an_entry("load", "id -u; id -g; grep -E '^(Uid|Gid|CapEff):' /proc/self/status", user="nobody")
    )
    box.start()
    box.say("load")
    lines = [text for _, text in box.printed(box.finished("load")["run"])]
    assert lines[:2] == ["65534", "65534"]
    assert "Uid:\t65534\t65534\t65534\t65534" in lines
    assert "Gid:\t65534\t65534\t65534\t65534" in lines
    assert "CapEff:\t0000000000000000" in lines


def test_after_a_users_job_the_agent_is_root_again(box: Box) -> None:
    box.install(an_entry("theirs", "true", user="nobody"), an_entry("ours", "id -u; cat /proc/self/status"))
    box.start()
    box.say("theirs ours")
    lines = [text for _, text in box.printed(box.finished("ours")["run"])]
    assert lines[0] == "0"
    assert {"Uid:\t0\t0\t0\t0", "Gid:\t0\t0\t0\t0"} <= set(lines)
    assert f"Groups:\t{' '.join(map(str, os.getgroups()))}".strip() in [line.strip() for line in lines]


def test_a_job_is_in_its_own_session_with_default_signals_and_umask(box: Box) -> None:
    box.install(an_entry("load", "umask; ps -o pid=,sid= -p $$; grep -E '^Sig(Ign|Blk):' /proc/self/status"))
    box.start()
    box.say("load")
    umask, ids, *masks = [text for _, text in box.printed(box.finished("load")["run"])]
    assert umask == "0022"
    assert len(set(ids.split())) == 1
    internal = 1 << 31 | 1 << 32  # glibc's own two, which every posix_spawn ignores
    assert [int(mask.split()[1], 16) & ~internal for mask in masks] == [0, 0]


def test_a_user_can_open_its_standard_streams_again(box: Box) -> None:
    box.install(
        an_entry("load", "cat /dev/stdin >/dev/stdout; echo e >/dev/stderr", user="nobody", stdin="in\n")
    )
    box.start()
    box.say("load")
    assert sorted(box.printed(box.finished("load")["run"])) == [("err", "e"), ("out", "in")]


def test_a_large_stdin_is_fed_while_other_jobs_go_on(box: Box) -> None:
    box.install(an_entry("slow", "sleep 1; wc -c", stdin="x" * 1_000_000), an_entry("quick", "true"))
    box.start()
    box.say("slow", "quick")
    box.finished("quick")
    assert not box.events("finished", job="slow")
    assert box.printed(box.finished("slow")["run"]) == [("out", "1000000")]


def test_a_stdin_that_nobody_reads_holds_nothing_up(box: Box) -> None:
    box.install(an_entry("load", "true", stdin="x" * 1_000_000))
    box.start()
    box.say("load")
    assert box.finished("load")["status"] == "succeeded"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"user": "nobody-knows"}, 'unknown user "nobody-knows"'),
        ({"workdir": "/no/such/folder"}, "/no/such/folder: No such file or directory"),
        ({"env": [["SHELL", "/bin/none"]]}, "/bin/none: No such file or directory"),
    ],
)
def test_a_job_that_cannot_start_has_failed_with_the_reason(
    box: Box, entry: dict[str, str], reason: str
) -> None:
    box.install(an_entry("load", **entry), an_entry("next"))
    box.start()
    box.say("load next")
    end = box.finished("load")
    assert (end["status"], end["exit_code"], end["reason"]) == ("failed", None, reason)
    assert box.events("started", run=end["run"])
    assert box.finished("next")["status"] == "succeeded"


def test_a_missing_home_is_no_failure(box: Box) -> None:
    box.install(an_entry("load", "pwd", env=[["HOME", "/no/such/home"]]))
    box.start()
    box.say("load")
    assert box.printed(box.finished("load")["run"]) == [("out", "/")]


def test_at_its_timeout_everything_a_run_has_started_dies_also_what_left_its_session(box: Box) -> None:
    command = "setsid -f sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done'; trap '' TERM; sleep 1000"
    box.install(an_entry("hang", command, user="nobody", timeout=1.0, kill_after=0.5))
    box.start()
    box.say("hang")
    end = box.finished("hang")
    assert end["status"] == "timed_out"
    assert end["reason"].startswith("timeout after 1 s; had to be killed: ")
    pid = next(text for stream, text in box.printed(end["run"]) if stream == "out")
    assert not alive(int(pid))


def test_what_a_job_prints_while_it_is_told_to_end_is_kept(box: Box) -> None:
    box.install(an_entry("hang", "trap 'echo tidy; exit 7' TERM; sleep 1000 & wait", timeout=0.5))
    box.start()
    box.say("hang")
    end = box.finished("hang")
    assert (end["status"], end["exit_code"]) == ("timed_out", 7)
    assert box.printed(end["run"]) == [("out", "tidy")]


def test_a_background_child_does_not_hold_the_run_open_and_is_noted(box: Box) -> None:
    box.install(an_entry("load", "sleep 1000 & echo $!"))
    box.start()
    box.say("load")
    end = box.finished("load")
    pid, note = box.printed(end["run"])
    assert end["status"] == "succeeded"
    assert note == ("note", f"left behind by this run, 1 in all: sleep ({pid[1]})")
    os.kill(int(pid[1]), signal.SIGKILL)


def test_a_killed_run_says_who_killed_it(box: Box) -> None:
    box.install(an_entry("load", "sleep 1000"))
    box.start()
    box.say('@do {"do": "run", "run": "feed", "job": "load", "by": "ann"}')
    box.wait_event("started", run="feed", trigger="manual", scheduled_for=None)
    box.say('@do {"do": "kill", "run": "feed", "by": "ann"}')
    end = box.finished("load")
    assert (end["status"], end["signal"], end["reason"]) == ("killed", 15, "killed by ann")


def test_a_flood_does_not_keep_another_job_from_its_end(box: Box) -> None:
    box.install(an_entry("flood", "yes", output_limit=10_000, timeout=3.0), an_entry("calm", "echo calm"))
    box.start()
    box.say("flood")
    box.wait_event("output")
    box.say("calm")
    assert box.printed(box.finished("calm")["run"]) == [("out", "calm")]
    assert not box.events("finished", job="flood")
    end = box.finished("flood")
    kept = sum(len(text) + 1 for stream, text in box.printed(end["run"]) if stream != "note")
    assert kept == pytest.approx(10_000, abs=2)
    assert end["output_bytes"] == end["dropped_bytes"] + 10_000


def test_garbage_in_the_fifo_is_told_and_jobs_go_on(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    box.say("@do {", "@what", "x" * 5000, "nonsense", '@do {"do": "kill", "run": "none"}', "load")
    box.finished("load")
    assert len(box.events("bad_command")) >= 4
    assert box.events("unknown_job", job="nonsense")


def test_a_flood_of_garbage_is_told_in_part(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    box.say(*["nonsense"] * 500, "load")
    box.finished("load")
    assert len(box.events("unknown_job")) <= 60


def test_a_bad_table_is_refused_and_the_old_one_goes_on(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    Path(box.paths.table).write_text('{"digest": "d2"}')
    box.say('@do {"do": "reload"}', "load")
    box.finished("load")
    assert "jobs" in box.events("table_refused")[0]["reason"]


def test_a_job_that_cron_names_before_the_reload_came_is_found(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    table = json.loads(Path(box.paths.table).read_text())
    table["jobs"].append(an_entry("new"))
    Path(f"{box.paths.table}.draft").write_text(json.dumps(table))
    Path(f"{box.paths.table}.draft").rename(box.paths.table)
    box.say("new")
    assert box.finished("new")["status"] == "succeeded"


def test_pauses_outlive_the_agent(box: Box) -> None:
    box.install(an_entry("load"))
    box.start()
    box.say('@do {"do": "pause", "job": "load", "until": null, "why": "upgrade", "by": "ann"}')
    box.wait_event("paused")
    assert box.end() == 0
    box.start()
    box.say("load")
    assert box.wait_event("skipped", job="load")["reason"] == "paused: upgrade"


def test_numbers_and_the_logs_id_go_on_over_restarts(box: Box) -> None:
    box.install(an_entry("warm-up", "echo up", schedule={"text": "@reboot"}))
    for _ in range(3):
        runs = len(box.events("finished"))
        box.start()
        box.wait(lambda runs=runs: len(box.events("finished")) > runs)
        assert box.end() == 0
    assert [event["seq"] for event in box.events()] == list(range(1, len(box.events()) + 1))
    assert len({event["log_id"] for event in box.events("boot")}) == 1
    assert len({event["boot_id"] for event in box.events("boot")}) == 3


def test_sigterm_lets_running_jobs_end_and_writes_to_the_last_line(box: Box) -> None:
    box.install(an_entry("load", "sleep 1; echo done"), an_entry("late"))
    box.start()
    box.say("load")
    box.wait_event("started")
    assert box.agent
    box.agent.terminate()
    box.wait_event("draining")
    box.say("late")
    assert box.agent.wait(20) == 0
    assert [event["type"] for event in box.events()][-2:] == ["finished", "stopped"]
    assert box.finished("load")["status"] == "succeeded"
    assert box.wait_event("skipped", job="late")["reason"] == "draining"


def test_a_job_that_outlasts_the_grace_is_killed_and_its_end_written(box: Box) -> None:
    box.install(an_entry("load", "trap '' TERM; sleep 1000", kill_after=0.3), stop_grace=0.5)
    box.start()
    box.say("load")
    box.wait_event("started")
    assert box.end() == 0
    end = box.finished("load")
    assert end["status"] == "killed"
    assert end["reason"].startswith("the box stopped; had to be killed: sh (")
    assert box.events()[-1]["type"] == "stopped"


def test_a_dead_crond_is_told_and_started_again(box: Box) -> None:
    box.start()
    os.kill(box.events("cron_started")[0]["pid"], signal.SIGKILL)
    box.wait(lambda: len(box.events("cron_started")) == 2)
    assert box.events("cron_exited")[0]["signal"] == 9


def test_the_status_tells_what_runs(box: Box) -> None:
    box.install(an_entry("load", "sleep 1000"))
    box.start()
    box.say("@tick d1", "load")
    run = box.wait_event("started")["run"]
    box.wait(lambda: run in box.call("status").stdout.decode())
    status = json.loads(box.call("status").stdout)
    assert status["digest"] == status["last_tick"]["digest"] == "d1"
    assert [entry["job"] for entry in status["running"]] == ["load"]
    box.say(f'@do {{"do": "kill", "run": "{run}", "by": "test"}}')
    box.finished("load")


def test_the_status_tells_soon_that_the_log_cannot_be_written_and_that_it_can_again(
    box: Box,
) -> None:
    box.start()
    assert box.agent
    box.say(*["nonsense"] * 50)
    box.wait(lambda: len(box.events("unknown_job")) == 50)
    size = Path(box.paths.log_dir, "cron.log").stat().st_size  # more than the status will ever have
    _, most = resource.prlimit(box.agent.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(box.agent.pid, resource.RLIMIT_FSIZE, (size, most))
    box.say("nonsense")
    assert "too large" in box.wait(lambda: _log_failure(box))
    resource.prlimit(box.agent.pid, resource.RLIMIT_FSIZE, (most, most))
    box.wait(lambda: _log_failure(box) is None)
    assert "too large" in box.wait_event("log_resumed")["reason"]


def _log_failure(box: Box) -> str | None:
    found: str | None = json.loads(box.call("status").stdout)["log_failure"]
    return found


def test_a_command_is_sent_through_the_fifo_however_long_it_is(box: Box) -> None:
    box.start()
    command = {"do": "pause", "job": None, "until": None, "why": "w" * 9000, "by": "ann"}
    assert box.call("send", stdin=json.dumps(command).encode()).returncode == 0
    assert box.wait_event("paused")["why"] == "w" * 9000


def test_without_an_agent_nothing_can_be_sent(box: Box) -> None:
    sent = box.call("send", stdin=b'{"do": "drain"}')
    assert sent.returncode == 1
    assert b"does not run" in sent.stderr


def test_installing_makes_a_living_agent_load_the_table(box: Box) -> None:
    box.start()
    bundle = {
        "digest": "d9",
        "crontab": "* * * * * root echo load >/run/cronbox/trigger\n",
        "table": {"digest": "d9", "box": "etl", "jobs": [an_entry("load")]},
    }
    done = box.call("install", stdin=json.dumps(bundle).encode())
    assert json.loads(done.stdout) == {"digest": "d9", "changed": True}
    assert box.wait_event("loaded", digest="d9")["jobs"] == 1


def test_followers_get_each_event_and_end_with_their_stdin(box: Box) -> None:
    box.install(an_entry("load"), log_segment=2000)
    box.start()
    follower = subprocess.Popen(
        box.argv("follow", "0"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    for number in range(10):
        box.say("load")
        box.wait(lambda number=number: len(box.events("finished")) > number)
    assert box.end() == 0
    out, _ = follower.communicate()
    _, *lines = [json.loads(line) for line in out.splitlines()]
    assert lines == box.events()
    assert list(Path(box.paths.log_dir).glob("cron-*.log"))


def test_a_prompt_without_a_newline_is_shown_while_the_job_waits(box: Box) -> None:
    box.install(an_entry("ask", "printf 'Sure? '; sleep 1000"), an_entry("end", "printf a; printf b; echo c"))
    box.start()
    box.say("ask end")
    asked = box.wait_event("output", run=box.wait_event("started", job="ask")["run"])
    assert [line[1:] for line in asked["lines"]] == [["out", "Sure? ", False]]
    assert box.printed(box.finished("end")["run"]) == [("out", "abc")]


def test_the_console_shows_readable_lines(box: Box) -> None:
    box.install(an_entry("load", "echo 1200 rows"))
    box.start()
    box.say("load")
    end = box.finished("load")
    box.end()
    assert f" load[{end['run'][:4]}] out | 1200 rows\n" in box.console.read_text()
