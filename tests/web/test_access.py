"""Who may look, and what other sites can make a browser do."""

from __future__ import annotations

import pytest

from tests.web.browser import TOKEN, Browser

LOCKED = [
    "/",
    "/runs",
    "/api/v1/boxes",
    "/metrics",
    "/openapi.json",
    "/nope",
    "//healthz",
    "/healthz/../runs",
]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8090", "10.0.0.1"])
def test_without_a_token_a_request_must_name_this_host(still: Browser, host: str) -> None:
    """Else a site that points its own name at 127.0.0.1 could read along."""
    answer = still.get("/api/v1/boxes", headers={"Host": host})
    assert answer.status_code == 403 and answer.json()["hint"]


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "LOCALHOST:1", "[::1]:8090"])
def test_without_a_token_this_host_may_look_under_all_its_names(still: Browser, host: str) -> None:
    assert still.get("/api/v1/boxes", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", LOCKED)
@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_with_a_token_nothing_is_shown_without_it(still: Browser, path: str, given: str) -> None:
    locked = still.locked()
    answer = locked.get(path, headers={"Authorization": given.encode("latin-1")})
    assert answer.status_code in (303, 401)
    assert "desk" not in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login", "/static/style.css"])
def test_probes_and_the_form_need_no_token(still: Browser, path: str) -> None:
    assert still.locked().get(path).status_code in (200, 503)


def test_a_program_sends_the_token_in_a_header(still: Browser) -> None:
    locked = still.locked()
    assert locked.get("/api/v1/boxes").headers["WWW-Authenticate"] == "Bearer"
    assert (
        locked.get(
            "/api/v1/boxes", headers={"Authorization": f"Bearer {TOKEN}", "Host": "cronbox.example.com"}
        ).status_code
        == 200
    )


def test_a_person_enters_the_token_once_and_comes_to_the_page_that_was_asked_for(still: Browser) -> None:
    locked = still.locked()
    way = locked.get("/runs?status=failed").headers["Location"]
    form = locked.get(way)
    assert 'value="/runs?status=failed"' in form.text
    answer = locked.post("/login", data={"token": TOKEN, "next": "/runs?status=failed"})
    assert answer.status_code == 303 and answer.headers["Location"] == "/runs?status=failed"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert locked.get("/runs").status_code == 200


def test_a_cookie_of_another_token_opens_nothing(still: Browser) -> None:
    other = still.before("another-token-of-ours")
    other.post("/login", data={"token": "another-token-of-ours"})
    locked = still.locked()
    locked.cookies.update(dict(other.cookies))
    assert locked.get("/runs").status_code == 303


@pytest.mark.parametrize("body", [b"", b"token=wrong", b"token=" + b"x" * 100_000, b"\xff\xfe", b"token"])
def test_a_wrong_token_is_told_and_opens_nothing(still: Browser, body: bytes) -> None:
    locked = still.locked()
    answer = locked.post("/login", content=body)
    assert answer.status_code == 401 and "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "way", ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/\n/evil", ""]
)
def test_the_form_sends_nobody_to_another_site(still: Browser, way: str) -> None:
    answer = still.locked().post("/login", data={"token": TOKEN, "next": way})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/static/page.js", "/api/v1/boxes", "/api/v1/nope", "/healthz"]
)
def test_every_answer_tells_browsers_to_load_frame_and_guess_nothing(still: Browser, path: str) -> None:
    headers = still.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_refreshes_itself_is_not_replaced_by_the_form(still: Browser) -> None:
    assert still.locked().get("/", headers={"HX-Request": "true"}).status_code == 401
