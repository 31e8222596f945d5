"""What the pages show, and that nothing in a project can make one show something else."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from cronbox.model.conditions import Condition, Kind
from cronbox.store import conditions
from cronbox.web import api, health, lab, pages
from tests.web.browser import Browser

ROOT = Path(__file__).parents[2]
PAGES = [
    "/",
    "/boxes",
    "/boxes/etl",
    "/jobs",
    "/jobs/etl/load",
    "/runs",
    "/runs/run-1",
    "/missed",
    "/day",
    "/lab",
]
EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_before_and_behind_the_first_runs(browser: Browser, path: str) -> None:
    if "run-1" not in path:
        assert "</html>" in browser.page(path)
    browser.ran("run-1", lines=("loaded",), result={"rows": "12"})
    browser.ran("run-2", job="report", status="failed", exit_code=3)
    assert "</html>" in browser.page(path)


def test_every_path_of_the_documentation_is_served_and_every_one_served_is_documented() -> None:
    text = (ROOT / "docs" / "web.md").read_text()
    told = set(re.findall(r"^\| `(/[^`]*)` \|", text, re.M))
    routers = (health.router, api.router, pages.router, lab.router)
    routes = [getattr(route, "path", "") for router in routers for route in router.routes]
    served = {re.sub(r"\{(\w+)[^}]*\}", r"<\1>", path).replace("<run>", "<id>") for path in routes}
    assert served | {"/openapi.json"} == told


def test_open_conditions_stand_first_and_on_the_pages_of_their_box_and_job(browser: Browser) -> None:
    found = Condition("etl", "load", Kind.OVERRUN, browser.desk.now, "runs for 40 min")
    with browser.site.store.transaction() as tx:
        conditions.settle(tx, "etl", [found], now=browser.desk.now)
    overview = browser.page("/")
    assert overview.index("runs for 40 min") < overview.index('<h2><a href="/boxes">')
    for path in ("/boxes/etl", "/jobs/etl/load"):
        assert "runs for 40 min" in browser.page(path)
    assert browser.get("/api/v1/conditions").json() == [{"box": "etl"} | found.as_json()]


def test_what_failed_or_was_missed_lately_is_on_the_overview_with_its_reason(browser: Browser) -> None:
    browser.ran("run-1", status="failed", exit_code=17)
    assert "exit code 17" in browser.page("/")


def test_a_slot_that_did_not_run_is_on_the_page_of_missed_ones_with_its_reason(browser: Browser) -> None:
    browser.desk.engine.stop(browser.desk.box.seen.container, timeout=1)
    browser.desk.pass_time(timedelta(hours=1))
    browser.take_in()
    assert "missed" in browser.page("/missed") and "Nothing was missed" not in browser.page("/missed")


def test_without_an_engine_the_pages_still_show_the_history(browser: Browser) -> None:
    browser.ran("run-1")
    browser.lose_the_engine()
    overview = browser.page("/")
    assert "the engine does not answer" in overview and "/runs/run-1" in overview
    assert browser.get("/api/v1/boxes").status_code == 503


def test_times_are_in_the_zone_of_the_box_with_utc_beside_them(browser: Browser) -> None:
    browser.desk.configure('[boxes.etl]\ntimezone = "Asia/Tokyo"\n')
    browser.site.config = browser.desk._open(None).config
    browser.ran("run-1")
    assert 'title="2026-03-02T12:00:00Z">2026-03-02 21:00:00 JST' in browser.page("/runs/run-1")


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/run-1", "/jobs/etl/load", "/boxes/etl"])
def test_what_a_crontab_or_a_job_says_is_text_on_a_page_and_never_markup(browser: Browser, path: str) -> None:
    crontab = f"# cronbox: name=load description=\"{EVIL}\"\n* * * * * root echo '{EVIL}'\n"
    browser.desk.crontab("etl/orders", crontab)
    more = {"reason": EVIL, "result": {"rows": EVIL}, "exit_code": 1}
    browser.ran("run-1", lines=(EVIL, f'"{EVIL}'), status="failed", **more)
    text = browser.page(path)
    assert EVIL not in text and "&lt;script&gt;" in text


def test_no_page_has_a_script_or_a_style_of_its_own(browser: Browser) -> None:
    """The security policy would keep them from working."""
    browser.ran("run-1", lines=("x",))
    for path in PAGES:
        assert not re.search(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=", browser.page(path)), path


def test_bytes_that_are_no_text_do_not_break_a_page(browser: Browser) -> None:
    browser.ran("run-1", lines=("caf\udce9 \x1b[31m\x00",))
    text = browser.page("/runs/run-1")
    assert "caf\ufffd" in text and "\x1b" not in text and "\x00" not in text


def test_a_page_of_huge_output_is_small_and_leads_through_all_of_it(browser: Browser) -> None:
    browser.begun("run-1")
    for first in range(0, 3000, 100):
        browser.printed("run-1", *(f"line {number};" for number in range(first, first + 100)))
    browser.desk.agent.finish(browser.desk.box, "run-1")
    browser.take_in()
    last = browser.page("/runs/run-1")
    assert len(last) < 100_000 and "line 2999;" in last and "line 0;" not in last
    found: list[str] = []
    path: str | None = "/runs/run-1?after=0"
    while path:
        text = browser.page(path)
        assert len(text) < 100_000
        found += re.findall(r"line \d+;", text)
        more = re.search(r'rel="next" href="([^"#]+)', text)
        path = f"/runs/run-1{more[1]}" if more else None
    assert found == [f"line {number};" for number in range(3000)]


def test_pages_of_runs_lead_to_every_run_also_where_many_came_up_at_once(browser: Browser) -> None:
    for number in range(120):
        browser.desk.agent.start(browser.desk.box, f"run-{number:03}", "load")
        browser.desk.agent.finish(browser.desk.box, f"run-{number:03}")
    browser.take_in()
    found: list[str] = []
    path: str | None = "/runs?box=etl&job=load"
    while path:
        text = browser.page(path)
        found += re.findall(r'class="id" href="/runs/(run-\d+)"', text)
        more = re.search(r'rel="next" href="([^"]+)"', text)
        path = more[1].replace("&amp;", "&") if more else None
    assert sorted(found) == [f"run-{number:03}" for number in range(120)]


def test_a_form_that_was_sent_empty_asks_for_everything(browser: Browser) -> None:
    browser.ran("run-1")
    assert "/runs/run-1" in browser.page("/runs?box=&job=&status=&trigger=&since=&until=")


@pytest.mark.parametrize(
    "path",
    [
        *("/runs?status=broken", "/runs?since=yesterday-ish", "/runs?job=load", "/runs?skip=-1"),
        *("/day?date=2026-02-31", "/day?date=0001-01-01", "/runs/run-1?after=x", "/runs/run-1?after=-1"),
        *("/api/v1/runs?limit=0", "/api/v1/runs?limit=99999999", "/api/v1/next?n=x", "/api/v1/runs?until=!"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_in_words(still: Browser, path: str) -> None:
    answer = still.get(path)
    assert answer.status_code == 400
    if path.startswith("/api/"):
        assert answer.json()["error"] and answer.json()["hint"]
    else:
        assert "<h1>400</h1>" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nope",
            "/boxes/nope",
            "/jobs/etl/nope",
            "/jobs/nope/load",
            "/runs/nope",
            "/runs/%00",
            "/static/nope",
        ),
        *("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fconfig.py", "/boxes/..%2f..%2fx"),
        *("/api/v1/nope", "/api/v1/runs/nope", "/api/v1/runs/nope/output", "/api/v1/jobs?box=nope"),
        "/api/v1/next?box=nope",
    ],
)
def test_what_is_not_there_is_not_found_in_words(still: Browser, path: str) -> None:
    answer = still.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] if path.startswith("/api/") else "<h1>404</h1>" in answer.text


@pytest.mark.parametrize("path", ["/", "/runs/run-1", "/api/v1/boxes"])
def test_the_page_only_shows(still: Browser, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert still.client.request(method, path).status_code == 405


def test_a_day_shows_each_run_where_it_belongs(browser: Browser) -> None:
    browser.ran("run-1")
    browser.ran("run-2", job="report", status="failed", exit_code=1)
    text = browser.page("/day?date=2026-03-02")
    assert '<rect class="is-failed" x="720' in text and "1 succeeded" in text
    assert "Nothing ran" in browser.page("/day?date=2026-03-01")


def test_a_job_that_ran_all_day_is_a_few_bars_and_not_thousands(browser: Browser) -> None:
    for number in range(300):
        browser.desk.agent.start(browser.desk.box, f"run-{number}", "report")
        browser.desk.agent.finish(browser.desk.box, f"run-{number}")
        browser.desk.pass_time(timedelta(minutes=1))
    browser.take_in()
    assert browser.page("/day?date=2026-03-02").count('<rect class="is-succeeded"') == 1


def test_a_defect_of_ours_is_told_without_its_innards(browser: Browser) -> None:
    del browser.site.config.file
    answer = browser.get("/runs")
    assert answer.status_code == 500 or "Traceback" not in answer.text
