"""Starts as an iCalendar file (RFC 5545), which calendars subscribe to or import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_LINE = 75
"""Octets of a line without its end (RFC 5545, 3.1); a longer one goes on behind CRLF and a blank."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One start: an aware moment, what starts, and a remark."""

    at: datetime
    name: str
    remark: str = ""


def calendar(events: Iterable[CalendarEvent], *, now: datetime) -> str:
    """The whole file, lines ending in CRLF. The same start has the same UID each time."""
    return "".join(f"{part}\r\n" for line in _lines(events, now) for part in _folded(line))


def _lines(events: Iterable[CalendarEvent], now: datetime) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//cronbox//next//EN", "CALSCALE:GREGORIAN")
    seen: Counter[str] = Counter()
    for event in events:
        identity = f"{_utc(event.at)}-{event.name}"
        seen[identity] += 1
        yield from _event(event, f"{identity}-{seen[identity]}@cronbox", now)
    yield "END:VCALENDAR"


def _event(event: CalendarEvent, uid: str, now: datetime) -> Iterator[str]:
    """Without an end it takes no time (3.6.1), and TRANSPARENT keeps it from making anybody busy."""
    yield from ("BEGIN:VEVENT", f"UID:{_escaped(uid)}", f"DTSTAMP:{_utc(now)}", f"DTSTART:{_utc(event.at)}")
    yield f"SUMMARY:{_escaped(event.name)}"
    if event.remark:
        yield f"DESCRIPTION:{_escaped(event.remark)}"
    yield from ("TRANSP:TRANSPARENT", "END:VEVENT")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """A TEXT value (3.3.11)."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most LONGEST_LINE octets, cut between characters."""
    piece, size = "", 0
    for char in line:
        octets = len(char.encode("utf-8", "surrogatepass"))
        if size + octets > LONGEST_LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + char, size + octets
    yield piece
