"""What happened becomes rows of the outbox, in the transaction that writes down that it happened.

These functions take a transaction and values. They know each target's rule from the database, where the
daemon keeps it, so that every program that takes in a log tells the same; and no address, which only the
sender needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from cronbox.model.alert import Kind, Rule, Standing, judge, judge_condition, ping_of
from cronbox.model.conditions import Condition
from cronbox.model.message import Message, about_condition, about_run
from cronbox.model.run import Run, Status
from cronbox.store import outbox, targets
from cronbox.store.database import Transaction
from cronbox.store.outbox import Notice

OLD = timedelta(days=1)
"""What is older is counted, and told to nobody: it comes from the log of a box that was away for long."""


def note_runs(tx: Transaction, changed: Sequence[Run], *, now: datetime) -> None:
    """Runs that began or ended, or slots that were missed: tell whom it concerns. A failed attempt that is
    tried again is nothing to tell of yet."""
    rules = targets.rules(tx) if changed else []
    if not rules:
        return
    again = {(run.origin, run.attempt) for run in changed if run.attempt > 1}
    told = [run for run in changed if (run.first_attempt, run.attempt + 1) not in again]
    told.sort(key=lambda run: run.finished_at or run.at)
    for rule in rules:
        mine = [run for run in told if rule.concerns(run.box, run.job)]
        if mine:
            outbox.add(tx, list(_pings(rule, mine, now) if rule.pings else _alerts(tx, rule, mine, now)))


def note_condition(
    tx: Transaction, kind: Kind, condition: Condition, *, now: datetime, silently: bool = False
) -> None:
    """A condition has opened, or has closed, and is told as `kind`. May be called again with the same; each
    beginning is told once. `silently`: nobody is told, but what was told before counts as over."""
    subject = f"{condition.kind}:{condition.box}/{condition.job}"
    for rule in targets.rules(tx):
        if rule.pings or not rule.concerns(condition.box, condition.job or None):
            continue
        before = targets.standings(tx, rule.name, [subject])[subject]
        tells, after = judge_condition(rule, kind, before, holds=condition.until is None)
        if after != before:
            targets.remember(tx, rule.name, {subject: after})
        if tells is not None and not silently:
            message = about_condition(tells, condition)
            outbox.add(tx, [_notice(rule, tells, condition.box, condition.job, message, now)])


def _alerts(tx: Transaction, rule: Rule, runs: Sequence[Run], now: datetime) -> Iterator[Notice]:
    before = targets.standings(tx, rule.name, {_subject(run) for run in runs})
    standing = dict(before)
    notices: dict[str, Notice] = {}
    for run in runs:
        kind, after = judge(rule, run, standing[_subject(run)])
        standing[_subject(run)] = after
        if kind is not None and not _is_old(run, now):
            message = about_run(kind, run, failures=after.failures)
            notices[_once(run)] = _notice(rule, kind, run.box, run.job, message, now, run=run.id)
    targets.remember(tx, rule.name, _changes(before, standing))
    yield from notices.values()


def _pings(rule: Rule, runs: Iterable[Run], now: datetime) -> Iterator[Notice]:
    for run in {_once(run): run for run in runs}.values():
        ping = ping_of(run)
        if ping is not None and not _is_old(run, now):
            title = f"{run.box}/{run.job} {ping}"
            yield _notice(rule, ping, run.box, run.job, Message(title, ""), now, run=run.id)


def _notice(
    rule: Rule, kind: str, box: str, job: str, message: Message, now: datetime, *, run: str | None = None
) -> Notice:
    next_at = now + timedelta(seconds=rule.digest)
    return Notice(rule.name, str(kind), box, job, message.title, message.body, now, next_at, run)


def _subject(run: Run) -> str:
    return f"{run.box}/{run.job}"


def _once(run: Run) -> str:
    """What is told once: a run, but of all slots of a job that are found missed together the newest. After
    an absence they may be thousands, and the message says how many."""
    return f"missed:{_subject(run)}" if run.status is Status.MISSED else run.id


def _is_old(run: Run, now: datetime) -> bool:
    return now - (run.finished_at or run.started_at or run.at) > OLD


def _changes(before: dict[str, Standing], after: dict[str, Standing]) -> dict[str, Standing]:
    return {subject: standing for subject, standing in after.items() if standing != before[subject]}
