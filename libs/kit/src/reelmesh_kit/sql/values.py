"""How values travel when a statement goes to the driver as it is: to each engine's own words, and back."""

import datetime
import json
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from reelmesh_kit import clock
from reelmesh_kit.sql.columns import Instant

Convert = Callable[[Any], Any]

DIALECTS: dict[str, sqlalchemy.Dialect] = {
    "postgresql": postgresql.dialect(paramstyle="numeric_dollar"),
    "sqlite": sqlite.dialect(paramstyle="qmark"),
}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=clock.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def bound(value: Any, dialect: str) -> Any:
    """Return a value as the driver of an engine takes it.

    Raises:
        ValueError: a time has no zone.
    """
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError("an Instant needs a timezone-aware datetime")
        return value if dialect == "postgresql" else (value - _EPOCH) // _MICROSECOND
    if isinstance(value, uuid.UUID):
        return value if dialect == "postgresql" else value.hex
    if isinstance(value, list):
        given = [bound(one, dialect) for one in value]  # pyright: ignore[reportUnknownVariableType]
        return given if dialect == "postgresql" else json.dumps(given)
    return value


def binder(type_: sqlalchemy.types.TypeEngine[Any], dialect: str) -> Convert | None:
    """Return what turns values of a column into the driver's; None when they are the same."""
    if is_json(type_):
        return json.dumps
    if dialect == "sqlite" and isinstance(type_, Instant | sqlalchemy.Uuid):
        return lambda value: None if value is None else bound(value, dialect)
    if isinstance(type_, Instant):
        return lambda value: bound(value, dialect)
    return None


def reader(type_: sqlalchemy.types.TypeEngine[Any], dialect: str) -> Convert | None:
    """Return what turns a column of SQLite's row, or of PostgreSQL's row as JSON, into our value; None when it is.

    It is not asked about NULL.
    """
    if isinstance(type_, Instant):
        return datetime.datetime.fromisoformat if dialect == "postgresql" else _from_micros
    if isinstance(type_, sqlalchemy.Uuid):
        return uuid.UUID
    if dialect == "postgresql" and isinstance(type_, sqlalchemy.Float):
        return float
    if dialect == "sqlite" and is_json(type_):
        return json.loads
    if dialect == "sqlite" and isinstance(type_, sqlalchemy.Boolean):
        return bool
    return None


def is_json(type_: sqlalchemy.types.TypeEngine[Any]) -> bool:
    """Tell whether a column holds a structure."""
    return isinstance(type_, sqlalchemy.JSON)


def _from_micros(value: int) -> datetime.datetime:
    return _EPOCH + value * _MICROSECOND
