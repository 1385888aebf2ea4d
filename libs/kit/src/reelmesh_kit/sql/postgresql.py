"""PostgreSQL: a pool of asyncpg connections, with the same synchronous pieces of work run inside greenlets."""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

import asyncpg
import sqlalchemy
import sqlalchemy.exc
from sqlalchemy import event
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.util import concurrency

from reelmesh_kit import crashing, errors
from reelmesh_kit.sql import changes, transaction

Result = TypeVar("Result")

_LOGGER = logging.getLogger("reelmesh.kit.sql")

# Connections at most; none is made for a moment only: each has its statements prepared.
POOL_SIZE = 20
# How long a caller waits for a connection before it is told to come back.
POOL_TIMEOUT_SECONDS = 5.0
# How long one statement may run, and how long it may wait for a lock, before it is given up.
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
LOCK_TIMEOUT_MILLISECONDS = 10_000
# How often a piece of work is run again after the server rolled it back for no fault of its own, or after somebody else
# changed what it had decided on.
ROLLBACK_RETRIES = 20
# SQLSTATEs of serialization failure and deadlock: the server rolled back, nothing happened.
_ROLLED_BACK = frozenset({"40001", "40P01"})
# SQLSTATEs, by how they begin, of a server that cannot at the moment: connection, resources, time-outs of locks and
# statements, a database that takes no connections, shutdown and start, trouble of its machine, a standby.
_PASSING = ("08", "25006", "40", "53", "55000", "55P03", "57", "58")
_DISK_FULL = "53100"
# SQLSTATE of a text with a NUL, the one character that PostgreSQL does not store. Edges refuse it by its field before.
_NUL = "22021"


# Statements that are kept prepared by each connection.
PREPARED_STATEMENTS = 500


class PostgresqlDatabase:
    """A PostgreSQL database, written in READ COMMITTED, read in REPEATABLE READ; what `write` returned is on disk."""

    def __init__(self, url: str, schema: str) -> None:
        """Take a URL `postgresql://…` and the schema of the tables; connections are made when they are needed."""
        parsed = driven(url)
        self._engine = sqlalchemy_asyncio.create_async_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            pool_pre_ping=False,
            # What begins and commits is said here, to the driver.
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            connect_args={
                "prepared_statement_cache_size": PREPARED_STATEMENTS,
                "statement_cache_size": PREPARED_STATEMENTS,
                "timeout": POOL_TIMEOUT_SECONDS,
                "server_settings": {
                    "application_name": "reelmesh",
                    "statement_timeout": str(STATEMENT_TIMEOUT_MILLISECONDS),
                    "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
                    "timezone": "UTC",
                    # Brings small questions nothing, and costs each connection 20 ms as its driver looks at types.
                    "jit": "off",
                    # All that is asked is found by an index, whatever the values: plans are made once.
                    "plan_cache_mode": "force_generic_plan",
                    "search_path": schema,
                },
            },
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)

    async def write(self, work: transaction.Work[Result]) -> Result:
        """Run work in a transaction; return when it is committed.

        Raises:
            transaction.AmbiguousCommit: the connection broke while committing.
            errors.Unavailable: the database does not answer; nothing happened.
        """
        for _ in range(ROLLBACK_RETRIES):
            try:
                return await self._write_once(work)
            except changes.Conflict:
                continue
            except sqlalchemy.exc.DBAPIError as error:
                if _sqlstate(error) not in _ROLLED_BACK:
                    raise _translated(error) from error
        try:
            return await self._write_once(work)
        except sqlalchemy.exc.DBAPIError as error:
            raise _translated(error) from error

    async def glance(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing, each of its statements on a snapshot of its own."""
        return await self._read(lambda view, _: work(view))

    async def read(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing, on one snapshot."""

        def run(view: transaction.Transaction, below: Driver) -> Result:
            below.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = work(view)
            below.run("COMMIT")
            return result

        return await self._read(run)

    async def _read(self, run: "Callable[[transaction.Transaction, Driver], Result]") -> Result:
        try:
            return await self._connected(
                lambda connection, below: run(transaction.Transaction(connection, below, None), below)
            )
        except sqlalchemy.exc.DBAPIError as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _write_once(self, work: transaction.Work[Result]) -> Result:
        view, result = await self._connected(lambda connection, below: _run(work, connection, below))
        for callback in view.take_callbacks():
            callback()
        return result

    async def _connected(self, run: "Callable[[sqlalchemy.Connection, Driver], Result]") -> Result:
        """Run something inside a greenlet on a connection of its own, which begins nothing by itself."""
        try:
            return await concurrency.greenlet_spawn(lambda: self._borrowing(run))
        except (TimeoutError, OSError, sqlalchemy.exc.TimeoutError) as error:
            raise _unreachable(error) from error

    def _borrowing(self, run: "Callable[[sqlalchemy.Connection, Driver], Result]") -> Result:
        with self._engine.sync_engine.connect() as connection:
            below = Driver(connection)
            try:
                return run(connection, below)
            except BaseException as error:
                below.take_back(error)
                raise


class Driver:
    """`driver.Driver` over asyncpg's connection, which keeps each text prepared. Used inside a greenlet."""

    def __init__(self, connection: sqlalchemy.Connection) -> None:
        """Go past this connection."""
        self._connection = connection
        self._below: Any = connection.connection.driver_connection

    def rows(self, text: str, parameters: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Run a text and return all that it finds."""
        return self._told(self._below.fetch(text, *parameters), text)

    def hits(self, text: str, parameters: Sequence[Sequence[Any]]) -> int:
        """Run a text for each of many: nothing here needs that, for many rows travel as arrays."""
        raise NotImplementedError

    def run(self, text: str) -> None:
        """Run a text that finds nothing and takes nothing."""
        self._told(self._below.execute(text), text)

    def take_back(self, error: BaseException) -> None:
        """Leave nothing begun behind, after an error. A connection that was left in the middle is not used again."""
        if not isinstance(error, Exception):
            self._connection.invalidate()
        elif not self._below.is_closed() and self._below.is_in_transaction():
            with contextlib.suppress(sqlalchemy.exc.DBAPIError, OSError):
                self.run("ROLLBACK")

    def _told(self, answer: Awaitable[Result], text: str) -> Result:
        try:
            return concurrency.await_(answer)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            closed: bool = self._below.is_closed()
            if closed:
                self._connection.invalidate()
            word = next(word for kind, word in _WORDS if isinstance(error, kind))
            raise word(text, None, error, connection_invalidated=closed) from error


# What SQLAlchemy calls the errors of the driver.
_WORDS: Sequence[tuple[type[Exception], type[sqlalchemy.exc.DBAPIError]]] = (
    (asyncpg.IntegrityConstraintViolationError, sqlalchemy.exc.IntegrityError),
    (asyncpg.InterfaceError, sqlalchemy.exc.InterfaceError),
    (asyncpg.InternalClientError, sqlalchemy.exc.InternalError),
    (asyncpg.PostgresError, sqlalchemy.exc.DBAPIError),
)


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool make a new connection in place of one that the server has closed meanwhile."""
    if connection.driver_connection.is_closed():
        raise sqlalchemy.exc.DisconnectionError


def driven(url: str) -> sqlalchemy.URL:
    """Return a URL for the driver that is used here; libpq's word for TLS, `sslmode`, means what it means elsewhere."""
    parsed = sqlalchemy.make_url(url).set(drivername="postgresql+asyncpg")
    mode = parsed.query.get("sslmode")
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else parsed


def _run(
    work: transaction.Work[Result], connection: sqlalchemy.Connection, below: Driver
) -> tuple[transaction.Transaction, Result]:
    """Run work and commit it: with a COMMIT when it has begun a transaction, else with its one statement."""
    view = transaction.Transaction(connection, below, None, begin=lambda: below.run("BEGIN"))
    result = work(view)
    if view.begun:
        view.flush()
    crashing.at(crashing.BEFORE_COMMIT)
    with _ambiguous_when_cut():
        view.flush()
        if view.begun:
            below.run("COMMIT")
    crashing.at(crashing.AFTER_COMMIT)
    return view, result


@contextlib.contextmanager
def _ambiguous_when_cut() -> Generator[None]:
    try:
        yield
    except (sqlalchemy.exc.DBAPIError, OSError) as error:
        if isinstance(error, OSError) or error.connection_invalidated or _lost_its_place(error):
            raise transaction.AmbiguousCommit from error
        raise


def _translated(error: sqlalchemy.exc.DBAPIError) -> Exception:
    """Return what the caller should see: broken connections are ours to retry, constraint violations are facts."""
    if isinstance(error, sqlalchemy.exc.IntegrityError):
        return error
    if _sqlstate(error) == _DISK_FULL:
        return errors.StorageFull("the disk of the database has no room left; nothing was changed")
    if _sqlstate(error) == _NUL:
        return errors.InvalidArgument("text", "has a NUL, which cannot be stored; send it without")
    return _unreachable(error) if is_passing(error) else error


def is_passing(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Tell whether the server, or the way to it, is to blame and not the statement."""
    passing = sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError
    if error.connection_invalidated or isinstance(error, passing) or _lost_its_place(error):
        return True
    return _sqlstate(error).startswith(_PASSING)


def _lost_its_place(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Tell whether the driver itself is at a loss, as when a connection is cut between two of its own steps."""
    return isinstance(error, sqlalchemy.exc.InternalError) and not _sqlstate(error)


def _sqlstate(error: sqlalchemy.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _unreachable(error: Exception) -> errors.Unavailable:
    """Return our error. Where the database is, and what it said, is for the log: this message may reach anybody."""
    _LOGGER.warning("The database does not answer: %s", getattr(error, "orig", error) or type(error).__name__)
    return errors.Unavailable("the database does not answer at the moment; nothing was done, try again")
