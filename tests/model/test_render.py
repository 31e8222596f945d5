"""From crontabs to named jobs to what is installed."""

from __future__ import annotations

import json
import random

import pytest

from cronbox.errors import CrontabRefused
from cronbox.model.crontab import parse_crontab
from cronbox.model.job import Job, Policy
from cronbox.model.jobs import jobs_of
from cronbox.model.lint import lint
from cronbox.model.naming import slug, unique_names
from cronbox.model.render import Bundle, render

TEXT = """\
PGHOST=db
# cronbox: name=load-orders timeout=30m
*/15 * * * * etl python3 /scripts/load.py %a%b
@daily root /bin/report
*/15  *  * * * etl /bin/caf\udce9
@reboot root /bin/warm
"""


def jobs(text: str) -> tuple[Job, ...]:
    crontab = parse_crontab(text.encode("utf-8", "surrogateescape"), file="crontabs/etl/orders")
    return jobs_of([crontab], box="etl", defaults=Policy(kill_after=5.0))


def bundle(text: str, **settings: object) -> Bundle:
    return render("etl", jobs(text), settings=settings)


def test_jobs_of_one_schedule_share_a_trigger_and_reboot_jobs_have_none() -> None:
    made = bundle(TEXT)
    assert made.crontab.splitlines() == [
        "# written by cronbox, do not edit",
        "# source crontabs/etl/orders:3 crontabs/etl/orders:5",
        "*/15 * * * * root echo load-orders caf >/run/cronbox/trigger",
        "# source crontabs/etl/orders:4",
        "0 0 * * * root echo report >/run/cronbox/trigger",
        f"* * * * * root echo @tick {made.digest} >/run/cronbox/trigger",
    ]


def test_the_table_is_the_contract_with_the_agent() -> None:
    made = json.loads(bundle(TEXT, stop_grace=30).to_json())
    assert made["table"]["digest"] == made["digest"]
    assert (made["table"]["box"], made["table"]["stop_grace"]) == ("etl", 30)
    first, _, third, last = made["table"]["jobs"]
    assert first == {
        "name": "load-orders",
        "source": "crontabs/etl/orders:3",
        "user": "etl",
        "command": "python3 /scripts/load.py ",
        "stdin": "a\nb\n",
        "env": [["PGHOST", "db"]],
        "schedule": {
            "text": "*/15 * * * *",
            "minutes": [0, 15, 30, 45],
            "hours": list(range(24)),
            "days": list(range(1, 32)),
            "months": list(range(1, 13)),
            "weekdays": list(range(7)),
            "days_starred": True,
            "weekdays_starred": True,
            "wildcard": True,
        },
        "delay": 0.0,
        "timeout": 1800.0,
        "kill_after": 5.0,
        "overlap": "skip",
        "group": None,
        "retries": 0,
        "retry_delay": 60.0,
        "retry_backoff": 1.0,
        "retry_codes": None,
        "catchup": "none",
        "catchup_deadline": 86400.0,
        "catchup_limit": 100,
        "after": [],
        "after_wait": 3600.0,
        "workdir": None,
        "output_limit": 10485760,
        "ok_codes": [0],
        "nice": 0,
        "ionice": None,
        "memory_limit": None,
        "cpu_time": None,
        "max_processes": None,
        "paused": False,
    }
    assert third["command"] == "/bin/caf\udce9"
    assert last["schedule"] == {"text": "@reboot"}


def test_equal_input_makes_an_equal_bundle_and_any_change_another_digest() -> None:
    assert bundle(TEXT) == bundle(TEXT)
    others = [TEXT.replace("db", "db2"), TEXT.replace("30m", "31m"), TEXT.replace("%a", "%c"), "\n" + TEXT]
    digests = {bundle(text).digest for text in [TEXT, *others]} | {bundle(TEXT, stop_grace=1).digest}
    assert len(digests) == 6


def test_what_is_rendered_is_a_crontab_without_a_problem_however_many_jobs_there_are() -> None:
    text = "".join(f"{n % 60} {n % 24} * * * root /bin/job-number-{n}\n" for n in range(5000))
    made = parse_crontab(bundle(text).crontab.encode(), file="cronbox")
    assert lint(made, known_users=frozenset({"root"})) == []
    triggered = {name for entry in made.entries for name in entry.text.split()[1:-1]}
    assert len(triggered) == 5002


def test_more_schedules_than_cron_reads_lines_are_refused() -> None:
    def text(count: int) -> str:
        times = [f"{n % 60} {n // 60 % 24} {n // 1440 + 1} * *" for n in range(count)]
        return "".join(f"{fields} root x\n" for fields in times)

    assert parse_crontab(bundle(text(10001)).crontab.encode(), file="cronbox").cron_error() is None
    with pytest.raises(CrontabRefused):
        bundle(text(10002))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python3 /scripts/load_orders.py --x", "load-orders"),
        ("cd /srv && ./run.sh", "run"),
        ("A=1 flock -n /run/lock", "lock"),
        ("nice -n 10 /usr/bin/Report", "report"),
        ("python3 -m pkg.mod", "pkg.mod"),
        ("timeout 30s backup-db", "backup-db"),
        ("é", "job"),
        ("", "job"),
    ],
)
def test_a_name_comes_from_the_word_of_the_command_that_says_most(command: str, name: str) -> None:
    assert slug(command) == name


def test_names_are_unique_and_do_not_depend_on_the_order() -> None:
    wanted = [
        (None, "load a"),
        (None, "load b"),
        ("load-x", "c"),
        (None, "load_x"),
        (None, "report"),
        (None, "report"),
    ]
    names = unique_names(wanted)
    assert len(set(names)) == len(names)
    assert {"load-x", "report", "report-2"} <= set(names)
    shuffled = random.Random(3).sample(range(6), 6)
    again = unique_names([wanted[index] for index in shuffled])
    assert sorted(again) == sorted(names)
    assert [again[shuffled.index(index)] for index in range(4)] == names[:4]
