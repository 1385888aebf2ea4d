"""One SQL store with two engines behind it: PostgreSQL, and SQLite with a group-committing writer."""

from reelmesh_kit.sql.columns import Instant, Json
from reelmesh_kit.sql.database import Database, open_database
from reelmesh_kit.sql.migration import migrate
from reelmesh_kit.sql.transaction import AmbiguousCommit, Transaction, Work, columns

__all__ = [
    "AmbiguousCommit",
    "Database",
    "Instant",
    "Json",
    "Transaction",
    "Work",
    "columns",
    "migrate",
    "open_database",
]
