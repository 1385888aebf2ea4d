"""Transactions past SQLAlchemy's machinery: it compiles each statement once, the driver runs it.

Connections, contexts and results of SQLAlchemy took a third of a run's time, for nothing that a single connection in
memory needs. What is asked, and what comes back, is the same: `test_statements` compares them.
"""

import dataclasses
import functools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy
import sqlalchemy.exc
from reelmesh_kit import sql
from reelmesh_kit.sql import bundle, sqlite, values
from reelmesh_orchestrator.adapters.sql import tables
from sqlalchemy.engine import result
from sqlalchemy.sql import base
from typing_extensions import override

from tests.support import invariants

Row = sqlalchemy.Row[Any]


class Transaction(sql.Transaction):
    """A transaction of the kit on a connection in memory; what writes one by one goes SQLAlchemy's way."""

    def __init__(self, connection: sqlalchemy.Connection, driver: sqlite3.Connection, now: Callable[[], Any]) -> None:
        """Wrap a connection of SQLAlchemy and the driver's own, which are one."""
        super().__init__(connection, sqlite.Driver(connection), now)
        self._below = driver

    @override
    def row(self, statement: base.Executable) -> Row | None:
        """Return the first row, or None."""
        if not isinstance(statement, sqlalchemy.Select):
            return super().row(statement)
        self._send_pending()
        cursor, shape = self._selected(statement)
        found = cursor.fetchone()
        return None if found is None else shape.row(found)

    @override
    def rows(self, statement: base.Executable) -> Sequence[Row]:
        """Return all rows."""
        if not isinstance(statement, sqlalchemy.Select):
            return super().rows(statement)
        self._send_pending()
        cursor, shape = self._selected(statement)
        return [shape.row(one) for one in cursor]

    def raw(self, text: str) -> Sequence[tuple[Any, ...]]:
        """Return what a text yields, as the driver has it."""
        return self._below.execute(text).fetchall()

    def rows_of(
        self, table: sqlalchemy.Table, owner: sqlalchemy.Column[Any] | None, owners: Sequence[Any] | None
    ) -> Sequence[Row]:
        """Return the rows of a table, those of a few owners or all: compiled once for each table."""
        if owner is None or owners is None:
            text, shape = _whole(table)
            return [shape.row(one) for one in self._below.execute(text)]
        text, shape = _owned(table, owner)
        return [shape.row(one) for one in self._below.execute(text, (values.bound(list(owners), "sqlite"),))]

    @override
    def execute(
        self, statement: base.Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Any:
        """Run one statement that writes; what has come of it is the driver's cursor, or SQLAlchemy's."""
        if parameters or not isinstance(statement, sqlalchemy.Insert | sqlalchemy.Update | sqlalchemy.Delete):
            return super().execute(statement, parameters)
        text = self._compiled(statement)
        if text.compiled._result_columns or text.compiled.insert_prefetch or text.compiled.update_prefetch:
            return super().execute(statement, parameters)
        self.begin()
        self.flush()
        return _sound(self._below.execute, *text.filled())

    def _selected(self, statement: sqlalchemy.Select[Any]) -> tuple[sqlite3.Cursor, "_Shape"]:
        text = self._compiled(statement)
        return self._below.execute(*text.filled()), _shape_of(text.compiled)

    def _compiled(self, statement: Any) -> "_Text":
        engine = self._connection.engine
        compiled, extracted, collected, _ = statement._compile_w_cache(
            engine.dialect, compiled_cache=engine._compiled_cache, column_keys=[]
        )
        return _Text(compiled, extracted, collected)


def _sound(run: Callable[[str, Any], sqlite3.Cursor], text: str, parameters: Any) -> sqlite3.Cursor:
    """Run a text; a constraint that it would break is told in SQLAlchemy's word."""
    try:
        return run(text, parameters)
    except sqlite3.IntegrityError as error:
        raise sqlalchemy.exc.IntegrityError(text, parameters, error) from error


@dataclasses.dataclass(slots=True)
class _Text:
    """A statement that SQLAlchemy has compiled, perhaps for another one of its kind, and the values of this one."""

    compiled: Any
    extracted: Any
    collected: Any

    def filled(self) -> tuple[str, list[Any]]:
        """Return what the driver is sent, as SQLAlchemy's execution context makes it."""
        compiled = self.compiled
        given = compiled.construct_params(
            extracted_parameters=self.extracted, escape_names=False, _collected_params=self.collected
        )
        text, names, processors = compiled.string, compiled.positiontup, compiled._bind_processors
        if compiled.literal_execute_params or compiled.post_compile_params:
            expanded = compiled._process_parameters_for_postcompile(given)
            text, names = expanded.statement, expanded.positiontup
            given = {**given, **expanded.additional_parameters}
            processors = {**processors, **expanded.processors}
        return text, [processors[name](given[name]) if name in processors else given[name] for name in names]


class Snapshot(invariants.Snapshot):
    """The same rows for the same rules, asked for in texts that are compiled once."""

    _transaction: Transaction

    @override
    def _of(self, table: sqlalchemy.Table, owner: sqlalchemy.Column[Any] | None = None) -> invariants.Rows:
        return self._transaction.rows_of(table, owner, None if self._only is None else list(self._only))

    @override
    def _facts(self) -> invariants.Rows:
        owners = None if self._only is None else [one.id for one in self.attempts]
        return self._transaction.rows_of(tables.PROVIDER_JOBS, tables.PROVIDER_JOBS.c.attempt_id, owners)


@dataclasses.dataclass(frozen=True)
class _Shape:
    """What becomes of the driver's rows."""

    meta: result.SimpleResultMetaData
    readers: Sequence[Callable[[Any], Any] | None] | None

    def row(self, found: tuple[Any, ...]) -> Row:
        """Return a row as SQLAlchemy does."""
        return sqlalchemy.Row(self.meta, self.readers, self.meta._key_to_index, found)


_SHAPES: dict[int, tuple[Any, _Shape]] = {}


def _shape_of(compiled: Any) -> _Shape:
    """Return the shape of a compiled statement; which one it is, is a question of where it lies while it is kept."""
    kept = _SHAPES.get(id(compiled))
    if kept is None:
        kept = _SHAPES[id(compiled)] = (compiled, _shape(compiled))
    return kept[1]


def _shape(compiled: Any) -> _Shape:
    columns = compiled._result_columns
    readers = [column.type._cached_result_processor(compiled.dialect, None) for column in columns]
    meta = result.SimpleResultMetaData([column.keyname for column in columns], [column.objects for column in columns])
    return _Shape(meta, readers if any(readers) else None)


@functools.cache
def _whole(table: sqlalchemy.Table) -> tuple[str, _Shape]:
    return _text(sqlalchemy.select(table))


@functools.cache
def _owned(table: sqlalchemy.Table, owner: sqlalchemy.Column[Any]) -> tuple[str, _Shape]:
    return _text(sqlalchemy.select(table).where(bundle.among(owner, "owners")))


def _text(statement: sqlalchemy.Select[Any]) -> tuple[str, _Shape]:
    compiled: Any = statement.limit(invariants.ROWS_LIMIT).compile(
        dialect=values.DIALECTS["sqlite"], compile_kwargs={"literal_binds": True}
    )
    return compiled.string, _shape(compiled)
