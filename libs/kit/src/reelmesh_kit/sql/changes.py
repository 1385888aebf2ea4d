"""Rows that are written together or not at all, in one round trip where round trips cost.

On PostgreSQL a set of changes is one statement, whatever the number of its rows: a table's one row travels as it is,
more of them as one array for each column. With nothing else in the transaction there is no BEGIN and no COMMIT. On
SQLite it is one `executemany` for each table. The text depends on which tables are written, not on what, so that it is
prepared once.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy

from reelmesh_kit import errors
from reelmesh_kit.sql import driver, values

Columns = Mapping[str, Any]
_GUARD = "expected_"


class Conflict(errors.Unavailable):
    """Somebody else changed the same rows in the same moment; try again."""


@dataclasses.dataclass(frozen=True)
class Update:
    """Which columns of a table change, by its primary key; `guarded` ones must have the values they had."""

    table: sqlalchemy.Table
    columns: tuple[str, ...]
    guarded: tuple[str, ...] = ()
    #: Columns that keep what they hold where the new value is None.
    kept_when_none: frozenset[str] = frozenset()


class Changes:
    """A set of changes in the making. What is guarded is checked first: when it does not hold, nothing is written."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._inserted: dict[sqlalchemy.Table, list[Columns]] = {}
        self._updated: dict[Update, list[Columns]] = {}
        self._expected: dict[Update, list[Columns]] = {}
        self._deleted: dict[sqlalchemy.Table, list[Columns]] = {}

    def insert(self, table: sqlalchemy.Table, rows: Sequence[Columns]) -> None:
        """Add new rows: every row names every column but those that count by themselves."""
        if rows:
            self._inserted.setdefault(table, []).extend(rows)

    def update(self, update: Update, row: Columns, expected: Columns | None = None) -> None:
        """Change a row: its key and the update's columns out of `row`; `expected` has what is guarded."""
        self._updated.setdefault(update, []).append(row)
        self._expected.setdefault(update, []).append(expected or {})

    def delete(self, table: sqlalchemy.Table, keys: Sequence[Columns]) -> None:
        """Delete rows by their primary keys; those that are gone already are none to miss."""
        if keys:
            self._deleted.setdefault(table, []).extend(keys)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._inserted and not self._updated and not self._deleted

    @property
    def alone(self) -> bool:
        """Whether one statement is enough: at most one row is guarded, so that there is nothing to take back."""
        return sum(len(rows) for update, rows in self._updated.items() if update.guarded) <= 1

    def send(self, dialect: str, below: driver.Driver) -> None:
        """Write them.

        Raises:
            Conflict: what was guarded has changed; what was written has to be rolled back.
        """
        changed = [(update, len(rows) > 1) for update, rows in self._updated.items()]
        parts = [
            *(_Part(update.table, update, many) for update, many in changed if update.guarded),
            *(_Part(table, None, len(rows) > 1) for table, rows in self._inserted.items()),
            *(_Part(update.table, update, many) for update, many in changed if not update.guarded),
            *(_Part(table, None, len(keys) > 1, deleted=True) for table, keys in self._deleted.items()),
        ]
        if not parts:
            return
        if dialect == "postgresql":
            self._send_at_once(parts, below)
        else:
            self._send_each(parts, below)

    def _send_at_once(self, parts: Sequence["_Part"], below: driver.Driver) -> None:
        text, fields = _statement(tuple(parts))
        parameters: list[Any] = []
        for part, columns in zip(parts, fields, strict=True):
            rows = self._rows(part)
            if part.many:
                parameters += ([bind(row[name]) if bind else row[name] for row in rows] for name, bind in columns)
            else:
                parameters += (bind(rows[0][name]) if bind else rows[0][name] for name, bind in columns)
        guarded = sum(len(self._updated[part.update]) for part in parts if part.update and part.update.guarded)
        if below.rows(text, parameters)[0][0] != guarded:
            raise Conflict

    def _send_each(self, parts: Sequence["_Part"], below: driver.Driver) -> None:
        for part in parts:
            text, columns = _single(part)
            many = [
                tuple(bind(row[name]) if bind and row[name] is not None else row[name] for name, bind in columns)
                for row in self._rows(part)
            ]
            hit = below.hits(text, many)
            if part.update and part.update.guarded and hit != len(many):
                raise Conflict

    def _rows(self, part: "_Part") -> Sequence[Columns]:
        if part.deleted:
            return self._deleted[part.table]
        if part.update is None:
            return self._inserted[part.table]
        rows = self._updated[part.update]
        if not part.update.guarded:
            return rows
        guards = [(name, f"{_GUARD}{name}") for name in part.update.guarded]
        return [
            {**row, **{guard: expected[name] for name, guard in guards}}
            for row, expected in zip(rows, self._expected[part.update], strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class _Part:
    """What happens to a table: an update, or new rows, or rows that go."""

    table: sqlalchemy.Table
    update: Update | None
    #: Whether it is more than one row.
    many: bool
    deleted: bool = False


_Fields = tuple[tuple[str, values.Convert | None], ...]


def _columns(part: _Part) -> list[tuple[str, sqlalchemy.Column[Any]]]:
    """Return what each row of a part brings along: the name, and the column that it is compared with or put into."""
    if part.deleted:
        return [(column.name, column) for column in part.table.primary_key.columns]
    if part.update is None:
        # What is counted up by itself is nobody's to bring.
        counted = part.table.autoincrement_column
        return [(column.name, column) for column in part.table.columns if column is not counted]
    keys = [(column.name, column) for column in part.table.primary_key.columns]
    changed = [(name, part.table.columns[name]) for name in part.update.columns]
    return [*keys, *changed, *((f"{_GUARD}{name}", part.table.columns[name]) for name in part.update.guarded)]


def _fields(part: _Part, dialect: str) -> _Fields:
    return tuple((name, values.binder(column.type, dialect)) for name, column in _columns(part))


@functools.lru_cache(maxsize=500)
def _statement(parts: tuple[_Part, ...]) -> tuple[str, tuple[_Fields, ...]]:
    """Return PostgreSQL's one statement for these parts."""
    texts: list[str] = []
    guarded: list[str] = []
    position = 0
    for number, part in enumerate(parts):
        columns = _columns(part)
        types = ((place, _type(column)) for place, (_, column) in enumerate(columns, position + 1))
        position += len(columns)
        source = f"{_source(types, many=part.many)} AS u ({', '.join(name for name, _ in columns)})"
        condition = " AND ".join(f"{_counted(guard)} > 0" for guard in guarded)
        texts.append(f"part{number} AS ({_dml(part, columns, source, condition)})")
        if part.update is not None and part.update.guarded:
            guarded.append(f"part{number}")
    hit = " + ".join(_counted(guard) for guard in guarded) or "0"
    return f"WITH {', '.join(texts)} SELECT {hit}", tuple(_fields(part, "postgresql") for part in parts)


def _counted(part: str) -> str:
    return f"(SELECT count(*) FROM {part})"


def _dml(part: _Part, columns: Sequence[tuple[str, sqlalchemy.Column[Any]]], source: str, condition: str) -> str:
    table = part.table.name
    matches = [f"t.{column.name} = u.{column.name}" for column in part.table.primary_key.columns]
    if part.deleted:
        where = " AND ".join([*matches, *([condition] if condition else [])])
        return f"DELETE FROM {table} t USING {source} WHERE {where}"
    if part.update is None:
        names = ", ".join(name for name, _ in columns)
        picked = ", ".join(_cast(f"u.{name}", column) for name, column in columns)
        return f"INSERT INTO {table} ({names}) SELECT {picked} FROM {source}{condition and f' WHERE {condition}'}"
    of = dict(columns)
    kept = part.update.kept_when_none
    sets = ", ".join(
        f"{name} = {f'coalesce(u.{name}, t.{name})' if name in kept else _cast(f'u.{name}', of[name])}"
        for name in part.update.columns
    )
    matches += [f"t.{name} = u.{_GUARD}{name}" for name in part.update.guarded]
    where = " AND ".join([*matches, *([condition] if condition else [])])
    return f"UPDATE {table} t SET {sets} FROM {source} WHERE {where} RETURNING 1"


def _source(types: Iterable[tuple[int, str]], *, many: bool) -> str:
    """Return where the rows of a part come from: numbered parameters of these types."""
    if many:
        return f"unnest({', '.join(f'${place}::{type_}[]' for place, type_ in types)})"
    return f"(VALUES ({', '.join(f'${place}::{type_}' for place, type_ in types)}))"


def _type(column: sqlalchemy.Column[Any]) -> str:
    """Return the type that values of a column travel in: structures as text."""
    return "TEXT" if values.is_json(column.type) else column.type.compile(dialect=values.DIALECTS["postgresql"])


def _cast(expression: str, column: sqlalchemy.Column[Any]) -> str:
    return f"{expression}::jsonb" if values.is_json(column.type) else expression


@functools.lru_cache(maxsize=500)
def _single(part: _Part) -> tuple[str, _Fields]:
    """Return SQLite's statement for one row of a part."""
    table = part.table.name
    if part.deleted:
        fields = _fields(part, "sqlite")
        return f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name, _ in fields)}", fields
    if part.update is None:
        fields = _fields(part, "sqlite")
        names = ", ".join(name for name, _ in fields)
        return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(fields))})", fields
    of = dict(_fields(part, "sqlite"))
    keys = [column.name for column in part.table.primary_key.columns]
    guards = [f"{_GUARD}{name}" for name in part.update.guarded]
    kept = part.update.kept_when_none
    sets = ", ".join(f"{name} = {f'coalesce(?, {name})' if name in kept else '?'}" for name in part.update.columns)
    where = " AND ".join([*(f"{name} = ?" for name in keys), *(f"{name} = ?" for name in part.update.guarded)])
    fields = tuple((name, of[name]) for name in (*part.update.columns, *keys, *guards))
    return f"UPDATE {table} SET {sets} WHERE {where}", fields
