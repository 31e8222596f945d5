"""What is carried over from each format, beyond the cases; and what a file is, by what stands in it."""

from __future__ import annotations

import json

import pytest

from cronbox.model.importing import Format, Kind, Source, Unreadable, detect
from cronbox.model.importing.quantities import parse_quantity
from tests.model.importing.imported import Imported, imported


def a_cronjob(container: dict[str, object] | None = None, **spec: object) -> str:
    """One CronJob; `job_` and `pod_` before a key put it further in."""
    pod = {"containers": [{"name": "c", "image": "debian:12", "command": ["true"], **(container or {})}]}
    job: dict[str, object] = {"backoffLimit": 0}
    for key in list(spec):
        where = {"job": job, "pod": pod}.get(key.partition("_")[0])
        if where is not None:
            where[key.partition("_")[2]] = spec.pop(key)
    job["template"] = {"spec": pod}
    whole = {"schedule": "0 3 * * *", "timeZone": "UTC", **spec, "jobTemplate": {"spec": job}}
    return json.dumps({"kind": "CronJob", "metadata": {"name": "x"}, "spec": whole})


def from_cronjob(container: dict[str, object] | None = None, **spec: object) -> Imported:
    return imported(a_cronjob(container, **spec), Format.KUBERNETES)


def test_kubernetes_policy_becomes_directives() -> None:
    [job] = from_cronjob(
        concurrencyPolicy="Forbid",
        suspend=True,
        job_activeDeadlineSeconds=90,
        pod_terminationGracePeriodSeconds=5,
    ).jobs
    assert (job.policy.overlap, job.policy.timeout, job.policy.kill_after, job.policy.paused) == (
        "skip",
        90,
        5,
        True,
    )


def test_kubernetes_allows_overlap_unless_it_says_otherwise() -> None:
    assert from_cronjob().jobs[0].policy.overlap == "allow"


def test_kubernetes_replaces_catches_up_and_tries_again() -> None:
    [job] = from_cronjob(concurrencyPolicy="Replace", startingDeadlineSeconds=90, job_backoffLimit=2).jobs
    policy = job.policy
    assert (policy.overlap, policy.catchup, policy.catchup_deadline) == ("replace", "latest", 90)
    assert (policy.retries, policy.retry_delay, policy.retry_backoff) == (2, 10, 2)


def test_kubernetes_tries_six_times_more_unless_it_says_otherwise() -> None:
    assert from_cronjob(job_backoffLimit=None).jobs[0].policy.retries == 6
    assert from_cronjob(job_backoffLimit=0).jobs[0].policy.retries == 0


@pytest.mark.parametrize(
    "spec", [{"concurrencyPolicy": "Odd"}, {"startingDeadlineSeconds": 10**12}, {"job_backoffLimit": 10**9}]
)
def test_a_policy_without_counterpart_is_told(spec: dict[str, object]) -> None:
    assert any(finding.kind is Kind.LEFT_OUT for finding in from_cronjob(**spec).findings)


def test_limits_are_the_box_s() -> None:
    project = from_cronjob({"resources": {"limits": {"memory": "128Mi", "cpu": "250m"}}})
    assert project.boxes["debian"].items() >= {"cpus": 0.25, "memory": 2**27}.items()


@pytest.mark.parametrize(
    ("text", "number"),
    [("128Mi", 2**27), ("1G", 10**9), ("500m", 0.5), ("1e3", 1000), ("2", 2), ("0.5Gi", 2**29)],
)
def test_quantities(text: str, number: float) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "x", "1Q", "-1", "1 Gi", "1e999"])
def test_what_is_no_quantity(text: str) -> None:
    assert parse_quantity(text) is None


def test_the_value_of_a_secret_is_never_written_and_its_name_is_told() -> None:
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}]
    project = from_cronjob({"env": env})
    assert project.files["debian.env"] == "# secretKeyRef db k\nKEY\n"
    assert project.told("KEY").kind is Kind.LEFT_OUT


def test_a_secret_in_the_open_goes_into_a_file_of_its_own() -> None:
    project = from_cronjob({"env": [{"name": "API_TOKEN", "value": "s3cret"}]})
    assert [path for path, text in project.files.items() if "s3cret" in text] == ["debian.env"]
    assert all("s3cret" not in finding.what + finding.todo for finding in project.findings)


def test_a_variable_may_hold_one_that_was_set_before() -> None:
    secret = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"}, secret]
    project = from_cronjob({"env": [*env, {"name": "URL", "value": "x:$(P)"}]})
    assert dict(project.jobs[0].env) == {"A": "1", "B": "1-$(C)-$(A)"}
    assert project.files["debian.env"].splitlines()[-1] == "URL"


def test_an_image_s_own_command_is_not_guessed() -> None:
    project = from_cronjob({"command": None, "args": ["x"]})
    assert project.jobs == []
    assert [place.key for place in project.not_imported] == ["CronJob/x"]


def test_cronjobs_that_need_the_same_box_share_it() -> None:
    one, two = json.loads(a_cronjob()), json.loads(a_cronjob())
    two["metadata"]["name"] = "y"
    both = imported(json.dumps({"kind": "List", "items": [one, two]}), Format.KUBERNETES)
    assert list(both.boxes) == ["debian"]
    two["spec"]["timeZone"] = "Europe/Berlin"
    apart = imported(json.dumps({"kind": "List", "items": [one, two]}), Format.KUBERNETES)
    assert {box.get("timezone") for box in apart.boxes.values()} == {"UTC", "Europe/Berlin"}


def test_a_zone_that_nobody_knows_is_told() -> None:
    project = from_cronjob(timeZone="Mars/Olympus")
    assert project.told("Mars/Olympus").kind is Kind.LEFT_OUT
    assert "timezone" not in project.boxes["debian"]


def test_a_command_of_several_lines_becomes_a_script() -> None:
    project = from_cronjob({"command": ["sh", "-c", "echo a\necho b"]})
    assert project.files["scripts/debian/x.sh"] == "echo a\necho b\n"
    assert project.jobs[0].command == "/bin/sh /scripts/x.sh"
    assert project.boxes["debian"]["scripts"] == "scripts/debian"


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        imported("kind: CronJob\nspec:\n  a: 1\n  a: 2\n", Format.KUBERNETES)
    assert refused.value.line == 4


def test_a_yaml_document_that_grows_without_end_does_no_harm() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 40))
    text = f"kind: CronJob\nl0: &l0 [a]\n{levels}\nspec: {{schedule: '* * * * *'}}\n"
    assert len(imported(text, Format.KUBERNETES).not_imported) == 1


def test_the_user_of_a_crontab_that_names_none_is_the_one_given() -> None:
    project = imported("* * * * * x\n", Format.CRONTAB, user="alice")
    assert (project.jobs[0].user, project.boxes["old"]["users"]) == ("alice", ["alice"])
    assert imported("* * * * * x\n", Format.CRONTAB).jobs[0].user == "root"


def test_a_crontab_keeps_what_a_command_gets_on_stdin() -> None:
    [job] = imported("* * * * * cat\\%x%a%b\n", Format.CRONTAB).jobs
    assert (job.command, job.stdin) == ("cat%x", "a\nb\n")


def test_what_an_editor_of_another_system_left_is_taken_away_and_told() -> None:
    project = imported(b"\xef\xbb\xbf* * * * * root x\r\n\r\n@daily root y", Format.CRON_D)
    assert [job.command for job in project.jobs] == ["x", "y"]
    assert len([finding for finding in project.findings if finding.kind is Kind.CHANGED]) == 3


def test_a_script_of_the_host_is_mounted_where_it_is_there() -> None:
    text = "0 1 * * * root python3 /opt/etl/load.py\n"
    there = imported(text, Format.CRON_D, present=frozenset({"/opt/etl"}))
    assert there.boxes["old"]["mounts"] == [{"source": "/opt/etl", "target": "/opt/etl", "read_only": True}]
    assert imported(text, Format.CRON_D).boxes["old"]["mounts"] == []


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("*/5 * * * * /usr/bin/x\n", Format.CRONTAB),
        ("*/5 * * * * backup --all\n", Format.CRONTAB),
        ("*/5 * * * * root x\n", Format.CRON_D),
        ("*/5 * * * * deploy /srv/x\n", Format.CRON_D),
        ("A=b\n*/5 * * * * root x\n0 1 * * * make all\n", Format.CRONTAB),
        ("*/5 * * * * * * x\n", Format.SUPERCRONIC),
        ("0 5 * * * 2027 x\n", Format.SUPERCRONIC),
        ('; x\n[job-local "a"]\nschedule = @daily\n', Format.OFELIA),
        ("services:\n  a:\n    labels:\n      ofelia.job-exec.a.schedule: '@daily'\n", Format.OFELIA),
        ("apiVersion: batch/v1\nkind: CronJob\n", Format.KUBERNETES),
        ('{"apiVersion": "batch/v1", "kind": "CronJob"}', Format.KUBERNETES),
        ("# nothing\n", None),
        ("{}", None),
    ],
)
def test_a_file_is_known_by_what_stands_in_it(text: str, format: Format | None) -> None:
    assert detect(Source("x", text.encode(), "x")) == format


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("/etc/cron.d/x", Format.CRON_D),
        ("/etc/crontab", Format.CRON_D),
        ("/var/spool/cron/crontabs/x", Format.CRONTAB),
    ],
)
def test_a_crontab_is_known_by_where_it_stands(file: str, format: Format) -> None:
    assert detect(Source(file, b"* * * * * daemon /x\n", "x")) == format
