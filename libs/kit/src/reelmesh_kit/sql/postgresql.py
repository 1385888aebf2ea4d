"""PostgreSQL: a pool of asyncpg connections, with the same synchronous pieces of work run inside greenlets."""

import logging
from typing import TypeVar

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio

from reelmesh_kit import crashing, errors
from reelmesh_kit.sql import transaction

Result = TypeVar("Result")

_LOGGER = logging.getLogger("reelmesh.kit.sql")

POOL_SIZE = 10
POOL_OVERFLOW = 10
# How long a caller waits for a connection before it is told to come back.
POOL_TIMEOUT_SECONDS = 5.0
# How long one statement may run, and how long it may wait for a lock, before it is given up.
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
LOCK_TIMEOUT_MILLISECONDS = 10_000
# How often a piece of work is run again after the server rolled it back for no fault of its own.
ROLLBACK_RETRIES = 3
# SQLSTATEs of serialization failure and deadlock: the server rolled back, nothing happened.
_ROLLED_BACK = frozenset({"40001", "40P01"})
# SQLSTATEs, by how they begin, of a server that cannot at the moment: connection, resources, time-outs of locks and
# statements, a database that takes no connections, shutdown and start, trouble of its machine, a standby.
_PASSING = ("08", "25006", "40", "53", "55000", "55P03", "57", "58")
_DISK_FULL = "53100"


class PostgresqlDatabase:
    """A PostgreSQL database, written in READ COMMITTED, read in REPEATABLE READ; what `write` returned is on disk."""

    def __init__(self, url: str, schema: str) -> None:
        """Take a URL `postgresql://…` and the schema of the tables; connections are made when they are needed."""
        parsed = driven(url)
        self._engine = sqlalchemy_asyncio.create_async_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            pool_pre_ping=False,
            connect_args={
                "timeout": POOL_TIMEOUT_SECONDS,
                "server_settings": {
                    "application_name": "reelmesh",
                    "statement_timeout": str(STATEMENT_TIMEOUT_MILLISECONDS),
                    "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
                    "timezone": "UTC",
                    "search_path": schema,
                },
            },
        )

    async def write(self, work: transaction.Work[Result]) -> Result:
        """Run work in a transaction; return when it is committed.

        Raises:
            transaction.AmbiguousCommit: the connection broke while committing.
            errors.Unavailable: the database does not answer; nothing happened.
        """
        for _ in range(ROLLBACK_RETRIES):
            try:
                return await self._write_once(work)
            except sqlalchemy.exc.DBAPIError as error:
                if _sqlstate(error) not in _ROLLED_BACK:
                    raise _translated(error) from error
        try:
            return await self._write_once(work)
        except sqlalchemy.exc.DBAPIError as error:
            raise _translated(error) from error

    async def read(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing, on one snapshot."""
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                return await connection.run_sync(lambda sync: work(transaction.Transaction(sync, None)))
        except sqlalchemy.exc.DBAPIError as error:
            raise _translated(error) from error
        except (TimeoutError, OSError, sqlalchemy.exc.TimeoutError) as error:
            raise _unreachable(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _write_once(self, work: transaction.Work[Result]) -> Result:
        try:
            async with self._engine.connect() as connection:
                await connection.begin()
                view, result = await connection.run_sync(lambda sync: _run(work, sync))
                crashing.at(crashing.BEFORE_COMMIT)
                try:
                    await connection.commit()
                except (sqlalchemy.exc.DBAPIError, OSError) as error:
                    if isinstance(error, OSError) or error.connection_invalidated:
                        raise transaction.AmbiguousCommit from error
                    raise
        except (TimeoutError, OSError, sqlalchemy.exc.TimeoutError) as error:
            raise _unreachable(error) from error
        crashing.at(crashing.AFTER_COMMIT)
        for callback in view.take_callbacks():
            callback()
        return result


def driven(url: str) -> sqlalchemy.URL:
    """Return a URL for the driver that is used here; libpq's word for TLS, `sslmode`, means what it means elsewhere."""
    parsed = sqlalchemy.make_url(url).set(drivername="postgresql+asyncpg")
    mode = parsed.query.get("sslmode")
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else parsed


def _run(work: transaction.Work[Result], connection: sqlalchemy.Connection) -> tuple[transaction.Transaction, Result]:
    view = transaction.Transaction(connection, None)
    return view, work(view)


def _translated(error: sqlalchemy.exc.DBAPIError) -> Exception:
    """Return what the caller should see: broken connections are ours to retry, constraint violations are facts."""
    if isinstance(error, sqlalchemy.exc.IntegrityError):
        return error
    if _sqlstate(error) == _DISK_FULL:
        return errors.StorageFull("the disk of the database has no room left; nothing was changed")
    return _unreachable(error) if is_passing(error) else error


def is_passing(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Tell whether the server, or the way to it, is to blame and not the statement."""
    if error.connection_invalidated or isinstance(
        error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError
    ):
        return True
    return _sqlstate(error).startswith(_PASSING)


def _sqlstate(error: sqlalchemy.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _unreachable(error: Exception) -> errors.Unavailable:
    """Return our error. Where the database is, and what it said, is for the log: this message may reach anybody."""
    _LOGGER.warning("The database does not answer: %s", getattr(error, "orig", error) or type(error).__name__)
    return errors.Unavailable("the database does not answer at the moment; nothing was done, try again")
