"""Targets: what each is told, and what it remembers of jobs and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlalchemy import delete, insert, select

from cronbox.model.alert import Rule, Standing, rule_from
from cronbox.store.database import Transaction
from cronbox.store.statement import Statement
from cronbox.store.tables import STANDING, TARGET, json_value

NEW = Standing()
RULES = Statement(select(TARGET.c.name, TARGET.c.rule).order_by(TARGET.c.name), ())


def rules(tx: Transaction) -> list[Rule]:
    """Every target's rule, by name. Asked in every transaction in which a run moves."""
    return [_rule(name, text) for name, text in RULES.query(tx)]


@lru_cache(maxsize=256)
def _rule(name: str, text: str) -> Rule:
    return rule_from(name, json_value(text) or {})


def keep(tx: Transaction, wanted: Iterable[Rule]) -> None:
    """Have exactly these targets; those that are gone forget what they remember."""
    tx.execute(delete(TARGET))
    values = [{"name": rule.name, "rule": rule.as_json()} for rule in wanted]
    if values:
        tx.execute(insert(TARGET), values)
    tx.execute(delete(STANDING).where(STANDING.c.target.not_in([value["name"] for value in values])))


def standings(tx: Transaction, target: str, subjects: Iterable[str]) -> dict[str, Standing]:
    """What the target remembers of each of these."""
    wanted = sorted(set(subjects))
    found = dict.fromkeys(wanted, NEW)
    for start in range(0, len(wanted), 200):
        block = wanted[start : start + 200]
        query = select(STANDING).where(STANDING.c.target == target, STANDING.c.subject.in_(block))
        for row in tx.execute(query):
            found[row.subject] = Standing(row.failures, bool(row.told), row.run)
    return found


def remember(tx: Transaction, target: str, changed: Mapping[str, Standing]) -> None:
    """Write what the target remembers from now on; nothing to remember takes no row."""
    for subject, standing in changed.items():
        here = (STANDING.c.target == target) & (STANDING.c.subject == subject)
        tx.execute(delete(STANDING).where(here))
        if standing != NEW:
            tx.execute(
                insert(STANDING).values(
                    target=target,
                    subject=subject,
                    failures=standing.failures,
                    told=int(standing.told),
                    run=standing.run,
                )
            )
