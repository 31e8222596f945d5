"""The API gives what `--json` gives, and probes measure what they say."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.browser import Browser


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("boxes", "ps"),
        ("jobs", "jobs"),
        ("jobs?box=etl", "jobs etl"),
        ("runs", "runs"),
        (
            "runs?box=etl&job=load&status=succeeded&trigger=manual&since=2h",
            "runs etl/load --status succeeded",
        ),
        ("runs?limit=1", "runs -n 1"),
        ("runs/run-1", "show run-1"),
        ("runs/run-1/output", "logs run-1"),
        ("next", "next --from 2026-03-02T12:00:00Z"),
        (
            "next?box=etl&n=3&until=2026-03-09T12:00:00Z",
            "next etl -n 3 --from 2026-03-02T12:00:00Z --until 2026-03-09T12:00:00Z",
        ),
    ],
)
def test_an_answer_is_that_of_the_command_line(browser: Browser, path: str, command: str) -> None:
    browser.ran("run-1", lines=("caf\udce9", "done"), result={"rows": "12"})
    browser.ran("run-2", job="report", status="failed", exit_code=3)
    assert browser.get(f"/api/v1/{path}").json() == browser.desk(*command.split(), "--json").json


def test_output_comes_in_pieces_that_lead_from_one_to_the_next(browser: Browser) -> None:
    browser.begun("run-1")
    for number in range(10):
        browser.printed("run-1", f"a{number}", f"b{number}")
    browser.desk.agent.finish(browser.desk.box, "run-1")
    browser.take_in()
    found: list[str] = []
    path = "/api/v1/runs/run-1/output?limit=3"
    while path:
        answer = browser.get(path)
        found += [line["text"] for line in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert found == [f"{half}{number}" for number in range(10) for half in "ab"]


def test_output_as_text_is_what_the_job_printed_byte_for_byte(browser: Browser) -> None:
    browser.ran("run-1", lines=("caf\udce9", "<b>"))
    answer = browser.get("/api/v1/runs/run-1/output?format=text")
    assert answer.content == b"caf\xe9\n<b>\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_drawn_of_a_job_is_what_its_runs_took_and_said(browser: Browser) -> None:
    browser.ran("run-1", result={"rows": "12", "note": "fine"})
    browser.ran("run-2")
    drawn = browser.get("/api/v1/jobs/etl/load/chart").json()
    assert drawn["series"] == {"duration_s": [1.5, 1.5], "rows": [12.0, None]}
    assert drawn["t"] == [browser.desk.now.timestamp()] * 2


def test_metrics_are_those_of_the_command_line_and_prometheus_reads_them(browser: Browser) -> None:
    browser.ran("run-1", result={"rows": "12"})
    text = browser.page("/metrics")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"cronbox_job_last_status", "cronbox_condition", "cronbox_job_result"} <= names
    assert text == browser.desk("metrics").out


def test_the_daemon_is_healthy_only_while_it_looks_at_the_boxes(browser: Browser) -> None:
    assert browser.get("/healthz").status_code == 503
    browser.pulse.looked()
    answer = browser.get("/healthz")
    assert answer.status_code == 200 and answer.json()["project"] == "desk"


def test_ready_is_a_daemon_that_leads_and_whose_store_and_engine_answer(browser: Browser) -> None:
    assert browser.get("/readyz").status_code == 200
    browser.pulse.leads = False
    waiting = browser.get("/readyz")
    assert waiting.status_code == 503 and waiting.json()["daemon"] == "waits for the one that leads"
    browser.pulse.leads = True
    browser.lose_the_engine()
    assert browser.get("/readyz").json()["engine"] == "the engine does not answer"


def test_the_api_describes_itself(browser: Browser) -> None:
    paths = browser.get("/openapi.json").json()["paths"]
    assert {"/api/v1/boxes", "/api/v1/runs/{run}/output", "/healthz"} <= paths.keys()
    assert "/" not in paths
