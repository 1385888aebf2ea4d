"""SQLite: one file, one writer thread that commits many pieces of work with one fsync, readers beside it."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import pathlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy import event

from reelmesh_kit import clock, crashing, errors
from reelmesh_kit.sql import transaction

Result = TypeVar("Result")

# Most pieces of work that share one commit: bounds how long the first of them waits.
GROUP_LIMIT = 64
# Most pieces of work that wait for the writer before callers are told to come back.
QUEUE_LIMIT = 10_000
# Threads that read while the writer writes (WAL lets them).
READERS = 4
# How long a reader or another process's lock is waited for.
BUSY_TIMEOUT_SECONDS = 10.0


@dataclasses.dataclass
class _Job:
    work: transaction.Work[Any]
    future: "concurrent.futures.Future[tuple[Any, list[Callable[[], None]]]]"
    act: crashing.Act | None


_Done = tuple[_Job, Any, list[Callable[[], None]]]


class SqliteDatabase:
    """One SQLite file in WAL mode with full sync: what `write` returned is on disk."""

    def __init__(self, path: pathlib.Path | None, time: clock.Clock) -> None:
        """Open the file (None: in memory, for tests) and start the writer.

        Raises:
            errors.Unavailable: the file is not a database, is damaged, or cannot be opened.
        """
        self._path = path
        self._time = time
        self._jobs: queue.Queue[_Job | None] = queue.Queue(QUEUE_LIMIT)
        self._engine = _engine(path)
        _check(self._engine, path)
        self._readers = concurrent.futures.ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._writer = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        self._writer.start()

    @property
    def engine(self) -> sqlalchemy.Engine:
        """The synchronous engine, for migrations before the first piece of work."""
        return self._engine

    async def write(self, work: transaction.Work[Result]) -> Result:
        """Run work in a transaction of the writer thread; return when it is on disk."""
        future: concurrent.futures.Future[tuple[Any, list[Callable[[], None]]]] = concurrent.futures.Future()
        try:
            self._jobs.put_nowait(_Job(work, future, crashing.current()))
        except queue.Full:
            raise errors.Unavailable(f"{QUEUE_LIMIT} pieces of work wait for the database already") from None
        result, callbacks = await asyncio.wrap_future(future)
        for callback in callbacks:
            callback()
        return cast("Result", result)

    async def read(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing in a reader thread, on a snapshot."""
        if self._path is None:  # an in-memory database has a single connection: the writer's
            return await self.write(work)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def glance(self, work: transaction.Work[Result]) -> Result:
        """Run work that changes nothing, as `read` does: a snapshot costs nothing here."""
        return await self.read(work)

    async def close(self) -> None:
        """Finish what is queued, then close the file."""
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        self._engine.dispose()

    def _read(self, work: transaction.Work[Result]) -> Result:
        try:
            with self._engine.connect() as connection:
                below = Driver(connection)
                below.rows("BEGIN")  # one snapshot for all statements; closing rolls back
                return work(transaction.Transaction(connection, below, self._time.now))
        except sqlalchemy.exc.OperationalError as error:
            raise _translated(error, self._path) from error

    def _write_loop(self) -> None:
        with self._engine.connect() as connection:
            while True:
                job = self._jobs.get()
                if job is None:
                    return
                group = [job]
                ended = False
                while len(group) < GROUP_LIMIT:
                    try:
                        following = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if following is None:
                        ended = True
                        break
                    group.append(following)
                self._commit_group(connection, group)
                if ended:
                    return

    def _commit_group(self, connection: sqlalchemy.Connection, group: list[_Job]) -> None:
        """Run each piece of work in its own savepoint, then commit them all with one fsync.

        When the commit itself fails nothing of the group happened, and everybody is told so.
        """
        done: list[_Done] = []
        below = Driver(connection)
        try:
            below.rows("BEGIN IMMEDIATE")
            for job in group:
                if not job.future.set_running_or_notify_cancel():
                    continue
                self._run_one(connection, below, job, done)
            _at(crashing.BEFORE_COMMIT, done)
            below.rows("COMMIT")
            _at(crashing.AFTER_COMMIT, done)
        except BaseException as error:
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                below.rows("ROLLBACK")
            for job in group:
                if not job.future.done():
                    job.future.set_exception(_seen_by_caller(error, self._path))
            if not isinstance(error, Exception):
                raise
            return
        for job, result, callbacks in done:
            job.future.set_result((result, callbacks))

    def _run_one(
        self,
        connection: sqlalchemy.Connection,
        below: "Driver",
        job: _Job,
        done: list[_Done],
    ) -> None:
        view = transaction.Transaction(connection, below, self._time.now)
        below.rows("SAVEPOINT piece")
        try:
            result = job.work(view)
            view.flush()
        except Exception as error:  # noqa: BLE001 - the caller of `write` gets it; the group goes on without it
            below.rows("ROLLBACK TO piece")
            below.rows("RELEASE piece")
            job.future.set_exception(_seen_by_caller(error, self._path))
            return
        below.rows("RELEASE piece")
        done.append((job, result, view.take_callbacks()))


class Driver:
    """`driver.Driver` over SQLite's connection."""

    def __init__(self, connection: sqlalchemy.Connection) -> None:
        """Go past this connection."""
        self._below = cast("sqlite3.Connection", connection.connection.driver_connection)

    def rows(self, text: str, parameters: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Run a text and return all that it finds."""
        try:
            return self._below.execute(text, parameters).fetchall()
        except sqlite3.Error as error:
            raise _in_words_of_sqlalchemy(error, text) from error

    def hits(self, text: str, parameters: Sequence[Sequence[Any]]) -> int:
        """Run a text for each of many; return how many rows it has hit."""
        try:
            return self._below.executemany(text, parameters).rowcount
        except sqlite3.Error as error:
            raise _in_words_of_sqlalchemy(error, text) from error


def _in_words_of_sqlalchemy(error: sqlite3.Error, text: str) -> BaseException:
    return sqlalchemy.exc.DBAPIError.instance(text, None, error, sqlite3.Error)


def _at(boundary: str, done: list[_Done]) -> None:
    for job, *_ in done:
        crashing.at(boundary, job.act)


def _engine(path: pathlib.Path | None) -> sqlalchemy.Engine:
    url = f"sqlite:///{path}" if path else "sqlite://"
    pool = {} if path else {"poolclass": sqlalchemy.StaticPool}
    arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS}
    engine = sqlalchemy.create_engine(url, connect_args=arguments, **pool)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that SELECT then UPDATE is one transaction
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _check(engine: sqlalchemy.Engine, path: pathlib.Path | None) -> None:
    try:
        with engine.connect() as connection:
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except sqlalchemy.exc.DatabaseError as error:
        engine.dispose()
        raise _translated(error, path) from error
    if verdict != "ok":
        engine.dispose()
        raise _damaged(path, str(verdict))


def _seen_by_caller(error: BaseException, path: pathlib.Path | None) -> BaseException:
    """Return our error for a failing engine; constraint violations are facts and stay what they are."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and not isinstance(error, sqlalchemy.exc.IntegrityError):
        translated = _translated(error, path)
        translated.__cause__ = error
        return translated
    return error


def _translated(error: sqlalchemy.exc.DBAPIError, path: pathlib.Path | None) -> errors.ReelmeshError:
    text = str(error.orig)
    if "disk is full" in text or "disk I/O error" in text:
        return errors.StorageFull(f"the disk that holds {path} has no room left or fails ({text}); nothing was changed")
    if "not a database" in text or "malformed" in text:
        return _damaged(path, text)
    if "unable to open" in text or "readonly" in text:
        return errors.Unavailable(f"cannot open {path}: {text}. Check the folder and its rights")
    return errors.Unavailable(f"the database {path} does not answer: {text}")


def _damaged(path: pathlib.Path | None, detail: str) -> errors.Unavailable:
    return errors.Unavailable(
        f"{path} is not a sound SQLite file ({detail}). Put a backup in its place, or move it away to begin anew"
    )
