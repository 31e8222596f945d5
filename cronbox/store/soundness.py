"""Looking the whole database over: is it damaged, is it of today, does it keep its promises?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from cronbox.errors import StoreError
from cronbox.store import schema
from cronbox.store.database import CURE, Transaction, is_damage, transaction
from cronbox.store.tables import BOX, CURSOR, OUTPUT, RUN

STEPS = 100_000
"""Steps of SQLite's machine, some milliseconds, between two looks at the clock."""
MOST = 20
"""Problems of one kind that are told."""

TABLES = {"runs": RUN, "outputs": OUTPUT, "boxes": BOX, "cursors": CURSOR}

BY_ROWS = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
"""What PostgreSQL must leave out to look at the rows themselves: an index may be what is damaged."""

SEATS = """\
SELECT box, job, scheduled_for, occurrence, attempt, count(*) AS number FROM run {by_rows}
WHERE scheduled_for IS NOT NULL
GROUP BY box, job, scheduled_for, occurrence, attempt HAVING count(*) > 1 LIMIT :most"""
IDS = "SELECT id, count(*) AS number FROM run {by_rows} GROUP BY id HAVING count(*) > 1 LIMIT :most"
ORPHANS = """\
SELECT count(*) FROM output LEFT JOIN run ON run.pk = output.run WHERE run.pk IS NULL"""


@dataclass(frozen=True, slots=True)
class Soundness:
    """What a look at the database came to. `schema` is None for an empty one."""

    schema: str | None
    needed: str
    rows: dict[str, int]
    problems: tuple[str, ...]

    @property
    def cure(self) -> str:
        """What to do about a file that is damaged; empty for one that is not."""
        return CURE if any("damaged" in problem for problem in self.problems) else ""

    def as_json(self) -> dict[str, Any]:
        return {"ok": not self.problems, **asdict(self)}


def damage(engine: Engine, *, quick: bool, within_s: float | None) -> list[str] | None:
    """What is damaged in a SQLite file; None if the time was over before all of it was seen. Raises
    StoreError."""
    if engine.dialect.name != "sqlite":
        return []
    over = False

    def too_long() -> int:
        nonlocal over
        over = within_s is not None and time.monotonic() > until
        return over

    until = time.monotonic() + (within_s or 0.0)
    try:
        with transaction(engine, writing=False) as tx:
            driver: Any = tx.connection.driver_connection
            driver.set_progress_handler(too_long, STEPS)
            try:
                found = tx.execute(text(f"PRAGMA {'quick_check' if quick else 'integrity_check'}({MOST})"))
                told = list(found.scalars())
            finally:
                driver.set_progress_handler(None, 0)
    except StoreError:
        if over:
            return None
        raise
    return [] if told == ["ok"] else told


def examine(engine: Engine) -> Soundness:
    """Every problem there is. Raises StoreError only where the database cannot even be asked."""
    with transaction(engine, writing=False) as tx:
        found, needed = schema.current(tx), schema.head()
        problems = list(_damage(tx))
        if found != needed:
            problems.append(
                f"the schema is {found or 'not there'}, and {needed} is needed: `cronbox db upgrade`"
            )
        if found is None or any("damaged" in problem for problem in problems):
            return Soundness(found, needed, {}, tuple(problems))
        problems += _broken_promises(tx)
        return Soundness(found, needed, _rows(tx), tuple(problems))


def _damage(tx: Transaction) -> Iterator[str]:
    if tx.dialect.name == "postgresql":
        for setting in BY_ROWS:
            tx.execute(text(f"SET LOCAL {setting} = off"))
        return
    try:
        for (line,) in tx.execute(text(f"PRAGMA integrity_check({MOST})")):
            if line != "ok":
                yield f"the file is damaged: {line}"
    except DBAPIError as error:
        if not is_damage(error):
            raise
        yield f"the file is damaged: {error.orig}"
        return
    for row in tx.execute(text("PRAGMA foreign_key_check")).fetchmany(MOST):
        yield f"row {row.rowid} of {row.table} belongs to a row of {row.parent} that is not there"


def _broken_promises(tx: Transaction) -> Iterator[str]:
    """A seat (box, job, slot, occurrence, attempt) and an id have one run; output has its run."""
    by_rows = "NOT INDEXED" if tx.dialect.name == "sqlite" else ""
    for row in tx.execute(text(SEATS.format(by_rows=by_rows)), {"most": MOST}):
        yield f"{row.number} runs of {row.box}/{row.job} stand in one slot ({row.scheduled_for})"
    for row in tx.execute(text(IDS.format(by_rows=by_rows)), {"most": MOST}):
        yield f"{row.number} runs have the id {row.id}"
    if orphans := tx.execute(text(ORPHANS)).scalar():
        yield f"{orphans} pieces of output belong to no run"


def _rows(tx: Transaction) -> dict[str, int]:
    counts = {name: tx.execute(select(func.count()).select_from(table)) for name, table in TABLES.items()}
    return {name: int(result.scalar_one()) for name, result in counts.items()}
