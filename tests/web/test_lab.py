"""The lab: what `check` and `next` say of a crontab that somebody pastes."""

from __future__ import annotations

import pytest

from tests.web.browser import Browser


def pasted(still: Browser, crontab: str, zone: str = "UTC") -> str:
    return still.client.post("/lab", data={"crontab": crontab, "zone": zone}).text


def test_a_sound_crontab_is_told_in_words_and_with_its_next_starts(still: Browser) -> None:
    text = pasted(still, "30 6 * * *\troot\tdate\r\n", "Asia/Tokyo")
    assert "At 06:30" in text and "2026-03-03 06:30:00 JST" in text


def test_a_mistake_is_found_where_it_is_and_nothing_of_the_file_would_start(still: Browser) -> None:
    text = pasted(still, "* * * * * root date\n61 * * * * root date\n")
    assert "<td>2:1</td>" in text and "cron would start nothing of it" in text


def test_what_is_pasted_is_text_and_never_markup(still: Browser) -> None:
    text = pasted(
        still, "# cronbox: name=<script>\n* * * * * <script> <script>alert(1)</script>\n</textarea>\n"
    )
    assert "<script>" not in text and text.count("</textarea>") == 1


@pytest.mark.parametrize(
    "crontab", ["", "\x00\n", "@reboot root date\n", "0 0 30 2 * root date\n", "x" * 16_384]
)
def test_whatever_is_pasted_gets_an_answer(still: Browser, crontab: str) -> None:
    assert "<h2>check</h2>" in pasted(still, crontab)


@pytest.mark.parametrize(
    ("crontab", "zone"), [("x" * 20_000, "UTC"), ("é" * 80_000, "UTC"), ("", "Mars/Base")]
)
def test_what_is_too_long_or_in_no_zone_is_refused(still: Browser, crontab: str, zone: str) -> None:
    assert still.client.post("/lab", data={"crontab": crontab, "zone": zone}).status_code == 400
