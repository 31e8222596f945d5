"""Whatever a source holds: each of its entries is a job or is told, and what is written has no error."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cronbox.config import check_config
from cronbox.model.crontab import Broken, Entry, parse_crontab
from cronbox.model.importing import Format, Unreadable
from cronbox.model.importing.cronexpr import split_line
from tests.model.importing.imported import Imported, imported

TIMES = st.sampled_from(
    [
        "* * * * *",
        "*/5 0 1-7 * 1",
        "@daily",
        "@reboot",
        "61 * * * *",
        "1/5 * * * *",
        "0 0 L * *",
        "0 0 */2 * mon",
        "*/5 * * * * * *",
        "0 3 * * * 2027",
        "@every 1h30m",
        "@every 7s",
        "30 0 3 * * *",
        "22-2 * * * *",
        "? ? * * ?",
    ]
)
WORDS = st.sampled_from(
    [
        "root",
        "alice",
        "Bob!",
        "/opt/x/y.sh",
        "echo",
        "a%b",
        "\\%",
        "\\\\",
        "'it''s'",
        "",
        "x" * 990,
        "$(X)",
        ">/dev/null",
        "é",
        "--password=x",
        "# cronbox: name=a",
        "*",
        "\x01",
    ]
)
ODD_LINES = st.sampled_from(
    [
        "# cronbox: name=a",
        "# cronbox: nonsense",
        "# cronbox: timeout=",
        "A=b",
        "A=",
        'A="b',
        "9=1",
        "TOKEN=x",
        "",
        "  ",
        "# prose",
        "\tCRON_TZ=Europe/Berlin",
        "CRON_TZ=Nowhere",
        "é",
        "\x00",
        "x\r",
        "SHELL=bash",
        "USER=x",
        "LOGNAME=y",
    ]
)
ENTRIES = st.builds(lambda times, words: " ".join([times, *words]), TIMES, st.lists(WORDS, max_size=4))
LINES = st.lists(st.one_of(ENTRIES, ODD_LINES, st.text(max_size=20)), max_size=12)
NAMES = st.text(max_size=8) | st.sampled_from(["a", "a.b", "A_1", "x" * 70, "../../x", "0"])


def has_no_error(project: Imported) -> bool:
    """Neither in a crontab nor in the config, which raises for one."""
    boxes = {name: without_files(box) for name, box in project.boxes.items()}
    check_config(Path("/nowhere/config.toml"), {**project.config, "boxes": boxes})
    return project.errors == []


def without_files(box: dict[str, object]) -> dict[str, object]:
    """Without what would have to be on this disk."""
    return {key: value for key, value in box.items() if key not in ("env_file", "scripts", "mounts")}


@given(LINES, st.sampled_from([Format.CRONTAB, Format.CRON_D]))
@settings(deadline=None)
def test_each_line_of_a_crontab_is_a_job_or_told(lines: list[str], format: Format) -> None:
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    project = imported(data, format)
    clean = data.replace(b"\r\n", b"\n") + b"\n"
    kind = "user" if format is Format.CRONTAB else "system"
    read = parse_crontab(clean.removeprefix(b"\xef\xbb\xbf"), file="", format=kind)
    entries = [line.line for line in read.lines if isinstance(line, (Entry, Broken))]
    known = {place.line for place in (*project.project.jobs, *project.not_imported)}
    assert set(entries) <= known
    assert has_no_error(project)


@given(LINES)
@settings(deadline=None)
def test_each_line_of_a_supercronic_crontab_is_a_job_or_told(lines: list[str]) -> None:
    text = "\n".join(lines)
    project = imported(text.encode("utf-8", "surrogatepass"), Format.SUPERCRONIC)
    told = {finding.place.line for finding in project.findings}
    known = {place.line for place in project.project.jobs} | told
    for number, line in enumerate(text.split("\n"), 1):
        if split_line(line.lstrip(" \t")) and "=" not in line and not line.lstrip(" \t").startswith("#"):
            assert number in known
    assert has_no_error(project)


@given(st.lists(st.tuples(NAMES, TIMES, ENTRIES, NAMES, st.booleans()), min_size=1, max_size=5))
@settings(deadline=None)
def test_each_job_of_an_ofelia_file_is_a_job_or_told(jobs: list[tuple[str, str, str, str, bool]]) -> None:
    services = {}
    for index, (name, schedule, command, variable, own) in enumerate(jobs):
        prefix = f"ofelia.{'job-local' if own else 'job-exec'}.{name.replace('.', '-')}"
        services[f"s{index}"] = {
            "image": "mcuadros/ofelia" if own else "nginx",
            "environment": {f"V{variable}": "x"},
            "labels": {
                f"{prefix}.schedule": schedule,
                f"{prefix}.command": command,
                f"{prefix}.{index}": "odd",
            },
        }
    project = imported(json.dumps({"services": services}), Format.OFELIA)
    places = [place.key for place in (*project.project.jobs, *project.not_imported)]
    for index in range(len(jobs)):
        assert any(key.startswith(f"services.s{index}.") for key in places)
    assert has_no_error(project)


COMMANDS = st.none() | st.lists(WORDS | st.text(max_size=20) | st.just("a\nb"), max_size=4)
VARIABLES = st.lists(
    st.fixed_dictionaries({"name": NAMES | st.just("X"), "value": st.text(max_size=9)}), max_size=3
)


@given(st.lists(st.tuples(NAMES, TIMES, COMMANDS, VARIABLES, st.integers(-1, 3)), min_size=1, max_size=4))
@settings(deadline=None)
def test_each_cronjob_is_a_job_or_told(
    jobs: list[tuple[str, str, list[str] | None, list[dict[str, str]], int]],
) -> None:
    items = []
    for index, (name, schedule, command, env, number) in enumerate(jobs):
        container = {
            "name": "c",
            "image": f"debian:{index}",
            "command": command,
            "env": env,
            f"odd{index}": 1,
        }
        pod = {"containers": [container], "securityContext": {"runAsUser": number}}
        spec = {
            "schedule": schedule,
            "jobTemplate": {"spec": {"backoffLimit": number, "template": {"spec": pod}}},
        }
        items.append({"kind": "CronJob", "metadata": {"name": f"{name}-{index}"}, "spec": spec})
    project = imported(json.dumps({"kind": "List", "items": items}), Format.KUBERNETES)
    places = {place.key for place in (*project.project.jobs, *project.not_imported)}
    assert {f"CronJob/{item['metadata']['name']}" for item in items} <= places
    for index in range(len(jobs)):
        assert any(f"odd{index}" in finding.what for finding in project.findings)
    assert has_no_error(project)


@given(st.binary(max_size=300), st.sampled_from(list(Format)))
@settings(deadline=None, max_examples=1500)
def test_no_bytes_bring_an_import_down(data: bytes, format: Format) -> None:
    try:
        project = imported(data, format)
    except Unreadable:
        return
    assert has_no_error(project)
