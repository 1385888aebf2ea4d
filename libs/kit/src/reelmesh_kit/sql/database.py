"""Opens the database that a URL names."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

import sqlalchemy
import sqlalchemy.exc

from reelmesh_kit import clock, errors
from reelmesh_kit.sql import migration, sqlite, transaction

Result = TypeVar("Result")


class Database(Protocol):
    """A database as use cases know it: pieces of work run in transactions."""

    async def write(self, work: transaction.Work[Result]) -> Result:
        """Run work in one transaction and return its result once it is on disk.

        Raises:
            errors.Unavailable: the database does not answer; nothing happened.
            transaction.AmbiguousCommit: nobody knows whether it happened.
            errors.StorageFull: its disk is full; nothing happened.
        """
        ...

    async def read(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing; all its statements see the same moment."""
        ...

    async def glance(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing; each statement sees a moment of its own. The cheapest way to ask one thing."""
        ...

    async def close(self) -> None:
        """Finish what runs and let go of the database."""
        ...


@contextlib.asynccontextmanager
async def open_database(url: str, time: clock.Clock, *, migrations: str | None = None) -> AsyncGenerator[Database]:
    """Open `sqlite:///path`, `sqlite://` (in memory) or `postgresql://…`, bring its schema up to date, close it.

    Args:
        url: where the database is.
        time: the clock that an embedded database takes its time from.
        migrations: the package whose `migrations` folder holds the schema's history; None leaves the schema alone.

    Raises:
        errors.Unavailable: it cannot be opened; the message says what to do.
    """
    database = await _open(url, time, migrations)
    try:
        yield database
    finally:
        await database.close()


async def _open(url: str, time: clock.Clock, migrations: str | None) -> Database:
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise errors.InvalidArgument("database_url", "must look like sqlite:///path or postgresql://…") from None
    if parsed.get_backend_name() == "sqlite":
        path = pathlib.Path(parsed.database) if parsed.database else None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        embedded = sqlite.SqliteDatabase(path, time)
        if migrations:
            with embedded.engine.connect() as connection:
                migration.upgrade(connection, migrations)
        return embedded
    if parsed.get_backend_name() == "postgresql":
        from reelmesh_kit.sql import postgresql  # loads the half of SQLAlchemy that SQLite can do without

        if migrations:
            await migration.migrate(url, migrations)
        return postgresql.PostgresqlDatabase(url, migration.schema_of(migrations) if migrations else "public")
    raise errors.InvalidArgument("database_url", f"{parsed.get_backend_name()} is neither sqlite nor postgresql")
