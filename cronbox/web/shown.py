"""What templates show: times in a box's zone, ages, spans, sizes, and output as text."""

from __future__ import annotations

from datetime import datetime, tzinfo

from fastapi.templating import Jinja2Templates
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from cronbox import __version__
from cronbox.config import Config
from cronbox.model.durations import format_size
from cronbox.model.event import format_time
from cronbox.model.moments import NOTHING, age, span


def zone_of(config: Config, box: str) -> tzinfo | None:
    """The zone in which a box's times are shown; None, which is UTC, for one that the config has not."""
    known = config.boxes.get(box)
    return known.zone if known else None


def moment(at: datetime | None, zone: tzinfo | None = None) -> Markup | str:
    """`2026-11-23 21:00:07 CET`, with UTC for who points at it."""
    if at is None:
        return NOTHING
    here = at.astimezone(zone) if zone else at
    return _timed(at, f"{here:%Y-%m-%d %H:%M:%S %Z}")


def ago(at: datetime | None, now: datetime) -> Markup | str:
    """`3m ago`, with the moment for who points at it."""
    return NOTHING if at is None else _timed(at, age(at, now=now))


def _timed(at: datetime, words: str) -> Markup:
    utc = format_time(at)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, utc, words)


def readable(text: str) -> str:
    """Bytes that were not UTF-8, and what a page cannot show, as replacement characters."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char in "\t\n" else "�" for char in plain)


def templates() -> Jinja2Templates:
    """Everything is escaped, and a name that is not there is an error."""
    environment = Environment(
        loader=PackageLoader("cronbox.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": moment,
        "ago": ago,
        "span": span,
        "size": format_size,
        "readable": readable,
        "words": lambda text: str(text).replace("_", " "),
    }
    environment.globals["version"] = __version__
    return Jinja2Templates(env=environment)
