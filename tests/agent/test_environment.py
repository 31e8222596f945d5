from __future__ import annotations

from cronbox.agent.accounts import Account
from cronbox.agent.environment import DEFAULT_PATH, job_environment, run_variables
from cronbox.agent.request import Request, Trigger
from tests.agent.builders import a_job

ETL = Account("etl", 1000, 1000, (1000,), "/home/etl")


def test_a_job_has_what_cron_sets_and_the_containers_environment() -> None:
    env = job_environment(
        a_job(), ETL, {b"TOKEN": b"t", b"HOME": b"/root", b"SHELL": b"/bin/zsh", b"USER": b"root"}
    )
    assert env == {
        b"TOKEN": b"t",
        b"HOME": b"/home/etl",
        b"SHELL": b"/bin/sh",
        b"LOGNAME": b"etl",
        b"USER": b"etl",
        b"PATH": DEFAULT_PATH,
    }


def test_the_crontabs_lines_win_but_never_over_who_the_user_is() -> None:
    lines = tuple((name, "mine") for name in ("HOME", "SHELL", "PATH", "TOKEN", "LOGNAME", "USER"))
    env = job_environment(a_job(env=lines), ETL, {b"TOKEN": b"t", b"PATH": b"/image"})
    assert {name for name, value in env.items() if value == b"mine"} == {b"HOME", b"SHELL", b"PATH", b"TOKEN"}
    assert env[b"LOGNAME"] == env[b"USER"] == b"etl"


def test_path_comes_from_the_image_unless_the_crontab_sets_it() -> None:
    assert job_environment(a_job(), ETL, {b"PATH": b"/image"})[b"PATH"] == b"/image"


def test_odd_bytes_reach_the_job_as_they_were() -> None:
    value = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert job_environment(a_job(env=(("NAME", value),)), ETL, {})[b"NAME"] == b"caf\xe9"


def test_a_run_knows_which_it_is() -> None:
    request = Request("beef", a_job(), Trigger.CRON, slot=1_795_428_000)
    assert run_variables(request, "2026-11-22T10:00:00.100000Z", "/run/r/beef") == {
        b"CRONBOX_RUN_ID": b"beef",
        b"CRONBOX_JOB": b"load",
        b"CRONBOX_ATTEMPT": b"1",
        b"CRONBOX_SCHEDULED_FOR": b"2026-11-23T10:00:00Z",
        b"CRONBOX_TRIGGER": b"cron",
        b"CRONBOX_LAST_SUCCESS": b"2026-11-22T10:00:00.100000Z",
        b"CRONBOX_RESULT": b"/run/r/beef",
    }
