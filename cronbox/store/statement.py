"""Statements for the busiest paths: compiled once for each kind of database, and run with plain values.

SQLAlchemy looks at each value of each row again at every execution, which costs several times what the
database itself does. Here values go to the driver as they are: times as `micros`, in the order of `names`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Executable,
    Select,
    Table,
    Text,
    bindparam,
    func,
    insert,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import CompilerElement

from cronbox.store import postgresql
from cronbox.store.database import Transaction
from cronbox.store.tables import EPOCH, MICROSECOND, UtcTime

Values = Sequence[Any]
Bind = Callable[[Values], Any]


class Statement:
    """One statement whose parameters are `names`, in the order in which callers give their values."""

    def __init__(self, clause: Executable, names: Sequence[str]) -> None:
        self._clause = clause
        self._names = tuple(names)
        self._compiled: dict[str, tuple[str, Bind]] = {}

    def query(self, tx: Transaction, values: Values = ()) -> Sequence[Sequence[Any]]:
        """The rows it finds, as the driver gives them."""
        sql, bind = self._for(tx.dialect)
        return tx.exec_driver_sql(sql, bind(values)).all()

    def change(self, tx: Transaction, values: Values) -> int:
        """Run it once -> how many rows it changed."""
        sql, bind = self._for(tx.dialect)
        return tx.exec_driver_sql(sql, bind(values)).rowcount

    def change_all(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Run it for each row."""
        if rows:
            sql, bind = self._for(tx.dialect)
            tx.exec_driver_sql(sql, [bind(row) for row in rows])

    def _for(self, dialect: Dialect) -> tuple[str, Bind]:
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> tuple[str, Bind]:
        assert isinstance(self._clause, CompilerElement)
        compiled = self._clause.compile(dialect=dialect, column_keys=list(self._names))
        assert isinstance(compiled, SQLCompiler)
        names = self._names
        constants = {name: value for name, value in compiled.params.items() if name not in names}
        order = compiled.positiontup
        if order is None:
            return str(compiled), lambda values: {**constants, **dict(zip(names, values, strict=True))}
        if tuple(order) == names:
            return str(compiled), tuple
        places = [names.index(name) for name in order if name in names]
        assert len(places) == len(order), f"constants in {compiled}"
        return str(compiled), lambda values: tuple([values[place] for place in places])


class Rows:
    """Rows put into a table, their values in the order of `names`: by COPY, where the database has that."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        self._insert = Statement(insert(table).inline(), names)
        self._copy = postgresql.copy_into(table.name, names)

    def put(self, tx: Transaction, rows: Sequence[Values]) -> None:
        if not rows:
            return
        if tx.dialect.name == "postgresql":
            postgresql.copy(tx, self._copy, rows)
        else:
            self._insert.change_all(tx, rows)


class Lookup:
    """A query with a list of values in it. PostgreSQL takes it as one array; else it is asked in blocks of a
    few sizes, so that its texts are few."""

    BLOCKS = (1, 8, 64, 256)

    def __init__(self, column: ColumnElement[Any], clause: Select[Any], names: Sequence[str] = ()) -> None:
        """Of what `clause` finds, given the values of `names`, those rows that have a listed value there."""
        self._by_size = {size: _among(size, column, clause, names) for size in self.BLOCKS}
        self._whole = _any(column, clause, names)

    def query(self, tx: Transaction, wanted: Iterable[Any], values: Values = ()) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        left = list(wanted)
        if tx.dialect.name == "postgresql":
            return list(self._whole.query(tx, [*values, left])) if left else []
        while left:
            size = next((size for size in self.BLOCKS if size >= len(left)), self.BLOCKS[-1])
            block, left = left[:size], left[size:]
            block += block[-1:] * (size - len(block))
            found += self._by_size[size].query(tx, [*values, *block])
        return found


def _among(size: int, column: ColumnElement[Any], clause: Select[Any], names: Sequence[str]) -> Statement:
    listed = [f"value_{number}" for number in range(size)]
    return Statement(clause.where(column.in_([bindparam(name) for name in listed])), [*names, *listed])


def _any(column: ColumnElement[Any], clause: Select[Any], names: Sequence[str]) -> Statement:
    """For PostgreSQL."""
    kind = BigInteger() if isinstance(column.type, UtcTime) else Text()
    listed = bindparam("listed", type_=ARRAY(kind))
    return Statement(clause.where(column == func.any(listed)), [*names, "listed"])


def micros(moment: datetime | None) -> int | None:
    """An aware datetime as the tables hold it."""
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def moment(micros: int | None) -> datetime | None:
    """What the tables hold as a datetime in UTC."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
