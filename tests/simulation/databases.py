"""The databases: real SQLite in memory, written by the loop itself, with commits of which nobody learns."""

import contextlib
import functools
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy
from reelmesh_kit import clock, errors, sql
from reelmesh_kit.sql import migration, sqlite

from tests.simulation import dice, faults, loop, statements

Result = TypeVar("Result")

LONGEST_LATENCY_SECONDS = 0.004


class InLoop:
    """A `sql.Database` in memory whose transactions are run where they are asked for, one after the other."""

    def __init__(self, engine: sqlalchemy.Engine, time: clock.Clock) -> None:
        """Use an engine in memory whose schema is up to date; `time` is the database's."""
        self._time = time
        self._connection = engine.connect()
        self._driver = _driver(engine)
        #: Called after each commit that changed something, in the same moment.
        self.on_commit: list[Callable[[], None]] = []

    def run(self, work: sql.Work[Result]) -> tuple[Result, list[Callable[[], None]]]:
        """Run work in one transaction; return what is to be called once its caller learns that it is on disk."""
        before = self._driver.total_changes
        self._driver.execute("BEGIN IMMEDIATE")
        view = statements.Transaction(self._connection, self._driver, self._time.now)
        try:
            result = work(view)
            view.flush()
        except BaseException:
            self._driver.execute("ROLLBACK")
            raise
        self._driver.execute("COMMIT")
        if self._driver.total_changes != before:
            for told in self.on_commit:
                told()
        return result, view.take_callbacks()

    def look(self, work: Callable[[statements.Transaction], Result]) -> Result:
        """Read, now."""
        return work(statements.Transaction(self._connection, self._driver, self._time.now))

    async def write(self, work: sql.Work[Result]) -> Result:
        """Run work in one transaction."""
        result, callbacks = self.run(work)
        for callback in callbacks:
            callback()
        return result

    async def read(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing."""
        return self.look(work)

    async def glance(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing."""
        return self.look(work)

    async def close(self) -> None:
        """Let go of the engine, which is used again."""
        self._connection.close()


class Faulty:
    """A database as a service has it: over a network, and with commits that end in the dark."""

    def __init__(self, name: str, inner: InLoop, weather: faults.Weather, latencies: dice.Dice) -> None:
        """Put the faults of `name` before a database."""
        self._name = name
        self._inner = inner
        self._weather = weather
        self._latencies = latencies

    async def write(self, work: sql.Work[Result]) -> Result:
        """Run work in one transaction.

        Raises:
            errors.Unavailable: the database is away.
            sql.AmbiguousCommit: nobody knows.
        """
        await self._reached()
        if self._weather.strikes(faults.Kind.WORK_AGAIN, self._name):
            self._rolled_back(work)
            await self._travel()
        if self._weather.strikes(faults.Kind.COMMIT_LOST, self._name):
            self._rolled_back(work)
            raise sql.AmbiguousCommit
        if self._weather.strikes(faults.Kind.COMMIT_UNTOLD, self._name):
            self._inner.run(work)
            await self._travel()
            raise sql.AmbiguousCommit
        result, callbacks = self._inner.run(work)
        # Who dies here has committed, and told nobody.
        self._weather.passed("commit")
        await self._travel()
        for callback in callbacks:
            callback()
        return result

    async def read(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing."""
        await self._reached()
        result = self._inner.look(work)
        await self._travel()
        return result

    async def glance(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing."""
        return await self.read(work)

    async def close(self) -> None:
        """Leave it open: others use it."""

    async def _reached(self) -> None:
        await self._travel()
        if self._weather.during(faults.Kind.DATABASE_AWAY, self._name):
            raise errors.Unavailable("the database does not answer: a fault says so")

    def _rolled_back(self, work: sql.Work[Any]) -> None:
        """Run work and take back what it did, as a server does after a serialization failure."""
        with contextlib.suppress(_TakenBackError):
            self._inner.run(lambda transaction: _undone(work, transaction))

    async def _travel(self) -> None:
        await loop.passing(self._latencies.uniform(0.0001, LONGEST_LATENCY_SECONDS))


class _TakenBackError(Exception):
    """Has a transaction rolled back."""


def _undone(work: sql.Work[Any], transaction: sql.Transaction) -> None:
    work(transaction)
    raise _TakenBackError


@functools.cache
def _opened(package: str) -> tuple[sqlalchemy.Engine, sqlite3.Connection]:
    """Return an engine in memory and a copy of the empty schema: migrations are run once in a process."""
    engine = sqlite._engine(None)
    with engine.connect() as connection:
        migration.upgrade(connection, package)
    template = sqlite3.connect(":memory:", check_same_thread=False)
    _driver(engine).backup(template)
    return engine, template


def emptied(package: str) -> sqlalchemy.Engine:
    """Return the engine of a package's database, with its schema and no rows."""
    engine, template = _opened(package)
    template.backup(_driver(engine))
    return engine


def _driver(engine: sqlalchemy.Engine) -> sqlite3.Connection:
    raw = engine.raw_connection()
    assert isinstance(raw.driver_connection, sqlite3.Connection)
    return raw.driver_connection
