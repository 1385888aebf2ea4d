"""Column types that mean the same on both engines."""

import datetime
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql

from reelmesh_kit import clock

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=clock.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


class Instant(sqlalchemy.types.TypeDecorator[datetime.datetime]):
    """A point in time, timezone-aware UTC: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = sqlalchemy.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sqlalchemy.Dialect) -> sqlalchemy.types.TypeEngine[Any]:
        """Choose the engine's own type where it has one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sqlalchemy.BigInteger())

    def process_bind_param(self, value: datetime.datetime | None, dialect: sqlalchemy.Dialect) -> Any:
        """Refuse times without a zone: they would mean different things to the two engines."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an Instant needs a timezone-aware datetime")
        return value if dialect.name == "postgresql" else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: sqlalchemy.Dialect) -> datetime.datetime | None:
        """Return timezone-aware UTC."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.astimezone(clock.UTC)
        return _EPOCH + value * _MICROSECOND


# Small structured values that are read and written whole and never searched.
Json = sqlalchemy.JSON().with_variant(postgresql.JSONB(), "postgresql")
