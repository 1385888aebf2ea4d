"""One SQL store with two engines behind it: PostgreSQL, and SQLite with a group-committing writer."""

from reelmesh_kit.sql.bundle import Bundle, Columns, ago, among, now, parameter, server
from reelmesh_kit.sql.changes import Changes, Conflict, Update
from reelmesh_kit.sql.columns import Instant, Json
from reelmesh_kit.sql.database import Database, open_database
from reelmesh_kit.sql.migration import migrate
from reelmesh_kit.sql.transaction import AmbiguousCommit, Transaction, Work, columns

__all__ = [
    "AmbiguousCommit",
    "Bundle",
    "Changes",
    "Columns",
    "Conflict",
    "Database",
    "Instant",
    "Json",
    "Transaction",
    "Update",
    "Work",
    "ago",
    "among",
    "columns",
    "migrate",
    "now",
    "open_database",
    "parameter",
    "server",
]
