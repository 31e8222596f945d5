"""Messages: what a person reads in a notification. Every text is cut, and free of control characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cronbox.model.alert import Kind
from cronbox.model.conditions import Condition
from cronbox.model.durations import format_duration
from cronbox.model.event import format_time
from cronbox.model.run import Run

OUTPUT_LINES = 10
"""How much of a run's end a message shows."""
LONGEST_LINE = 300
LONGEST_DIGEST = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_HAPPENED = {
    Kind.FAILED: "failed",
    Kind.TIMED_OUT: "timed out",
    Kind.LOST: "was lost",
    Kind.MISSED: "was missed",
    Kind.RECOVERED: "recovered",
    Kind.SLOW: "is slow",
    Kind.LATE: "is late",
    Kind.BOX_DOWN: "is down",
    Kind.DEGRADED: "is degraded",
    Kind.SUCCESS: "succeeded",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A title of one line, and a body of several."""

    title: str
    body: str


def about_run(kind: Kind, run: Run, *, failures: int = 0) -> Message:
    """`etl/load-orders failed (exit code 3)`, and what is known of the run."""
    why = _why(kind, run)
    title = f"{run.box}/{run.job} {_HAPPENED[kind]}{f' ({why})' if why else ''}"
    facts = (
        ("reason", run.reason),
        ("slot", _moment(run.scheduled_for)),
        ("started", _moment(run.started_at)),
        ("duration", None if run.duration_s is None else format_duration(round(run.duration_s, 3))),
        ("attempt", str(run.attempt) if run.attempt > 1 else None),
        ("failures in a row", str(failures) if failures > 1 else None),
    )
    lines = [f"{name}: {clean(value)}" for name, value in facts if value]
    return Message(clean(title), "\n".join([*lines, f"look: cronbox show {run.id}"]))


def about_condition(kind: Kind, condition: Condition) -> Message:
    """`etl is degraded (no_tick)`, `etl recovered from no_tick`, and what the watch says of it."""
    since, until = format_time(condition.since), condition.until
    if kind is Kind.RECOVERED:
        title = f"{condition.target} recovered from {condition.kind}"
        told = f"it was: {condition.text}" if condition.text else ""
    else:
        which = f" ({condition.kind})" if condition.kind.value != kind.value else ""
        title, told = f"{condition.target} {_HAPPENED[kind]}{which}", condition.text
    look = f"cronbox runs {condition.target}" if condition.job else "cronbox doctor"
    lines = [told, f"since: {since}", f"until: {format_time(until)}" if until else "", f"look: {look}"]
    return Message(clean(title), "\n".join(clean(line) for line in lines if line))


def with_output(message: Message, lines: Sequence[str]) -> Message:
    """The message with the last lines of what the run printed."""
    if not lines:
        return message
    shown = "\n".join(f"  {clean(line)}" for line in lines[-OUTPUT_LINES:])
    return Message(message.title, f"{message.body}\n\nlast output:\n{shown}")


def digest_of(messages: Sequence[Message]) -> Message:
    """Several as one; a single one stays as it is."""
    if len(messages) == 1:
        return messages[0]
    body, shown = "", 0
    for message in messages:
        part = f"{message.title}\n{message.body}\n\n"
        if shown and len(body) + len(part) > LONGEST_DIGEST:
            body += f"… and {len(messages) - shown} more: `cronbox notify log` lists them"
            break
        body, shown = body + part, shown + 1
    titles = [message.title for message in messages[:2]]
    more = len(messages) - len(titles)
    return Message(f"{'; '.join(titles)}{f'; {more} more' if more else ''}", body.rstrip("\n"))


def about_capped(number: int) -> Message:
    """What `daily_cap` kept back on one day."""
    were = "1 notification was" if number == 1 else f"{number} notifications were"
    return Message(f"{were} not sent: daily_cap", "look: cronbox notify log")


def clean(text: str) -> str:
    """A text that every service and every database takes."""
    readable = text.encode(errors="replace").decode()
    short = readable if len(readable) <= LONGEST_LINE else f"{readable[:LONGEST_LINE]}…"
    return _CONTROL.sub("?", short.replace("\n", " "))


def _why(kind: Kind, run: Run) -> str | None:
    match kind:
        case Kind.FAILED if run.signal is not None:
            return f"signal {run.signal}"
        case Kind.FAILED if run.exit_code is not None:
            return f"exit code {run.exit_code}"
        case Kind.FAILED | Kind.LOST | Kind.MISSED:
            return run.reason
        case _:
            return None


def _moment(at: datetime | None) -> str | None:
    return format_time(at) if at else None
