"""The index of writes in an SQL database: SQLite or PostgreSQL."""

from reelmesh_storage.adapters.sql.index import SqlIndex
from reelmesh_storage.adapters.sql.sweeping import SqlSweepIndex

__all__ = ["SqlIndex", "SqlSweepIndex"]
