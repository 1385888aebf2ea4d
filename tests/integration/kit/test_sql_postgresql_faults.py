"""PostgreSQL that breaks: connections cut in the middle, statements given up, the server gone and back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy
import sqlalchemy.exc
from reelmesh_kit import clock, errors, sql

from tests.support import postgresql

SOON_SECONDS = 20.0
NOTES = sqlalchemy.Table(
    "sql_notes", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True)
)


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[sql.Database]:
    """Yield a database with one table."""
    async with sql.open_database(postgresql_url, clock.SystemClock()) as opened:
        await opened.write(lambda transaction: transaction.execute(sqlalchemy.schema.CreateTable(NOTES)))
        yield opened


def insert(number: int, *before: str) -> sql.Work[int]:
    def work(transaction: sql.Transaction) -> int:
        for statement in before:
            transaction.execute(sqlalchemy.text(statement))
        transaction.execute(NOTES.insert().values(id=number))
        return number

    return work


def numbers(transaction: sql.Transaction) -> list[int]:
    return [row.id for row in transaction.rows(sqlalchemy.select(NOTES.c.id).order_by(NOTES.c.id).limit(1000))]


async def test_a_statement_that_takes_too_long_is_given_up_and_nothing_happened(database: sql.Database) -> None:
    with pytest.raises(errors.Unavailable, match="does not answer"):
        await database.write(insert(1, "SET LOCAL statement_timeout = '50ms'", "SELECT pg_sleep(5)"))
    assert await database.read(numbers) == []
    with pytest.raises(errors.Unavailable, match="does not answer"):
        await database.read(insert(1, "SET LOCAL statement_timeout = '50ms'", "SELECT pg_sleep(5)"))
    assert await database.write(insert(2)) == 2


async def test_a_text_with_a_nul_is_the_callers_mistake_and_nothing_happened(database: sql.Database) -> None:
    for work in (database.write, database.read):
        with pytest.raises(errors.InvalidArgument, match="NUL"):
            await work(lambda transaction: transaction.rows(sqlalchemy.select(sqlalchemy.literal("a\0b"))))
    assert await database.read(numbers) == []


async def test_a_lock_that_is_not_to_be_had_is_given_up(postgresql_url: str, database: sql.Database) -> None:
    await database.write(insert(1))
    other: Any = await asyncpg.connect(postgresql_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(other.close)
        holding = other.transaction()
        await holding.start()
        await other.execute("SELECT * FROM sql_notes FOR UPDATE")

        def wait(transaction: sql.Transaction) -> None:
            transaction.execute(sqlalchemy.text("SET LOCAL lock_timeout = '50ms'"))
            transaction.row(transaction.locking(sqlalchemy.select(NOTES.c.id)))

        with pytest.raises(errors.Unavailable, match="does not answer"):
            await database.write(wait)
        await holding.rollback()


async def test_a_connection_that_is_cut_in_the_middle_of_work_is_unavailable(database: sql.Database) -> None:
    with pytest.raises(errors.Unavailable):
        await database.write(insert(1, "SELECT pg_terminate_backend(pg_backend_pid())"))
    assert await database.read(numbers) == []
    assert await database.write(insert(2)) == 2


async def test_a_constraint_that_is_violated_stays_a_fact(database: sql.Database) -> None:
    await database.write(insert(1))
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        await database.write(insert(1))


async def test_two_that_wait_for_each_other_both_get_through(database: sql.Database) -> None:
    await database.write(insert(1))
    await database.write(insert(2))

    def lock_both(first: int, second: int) -> sql.Work[None]:
        def work(transaction: sql.Transaction) -> None:
            for number in (first, second):
                transaction.row(transaction.locking(sqlalchemy.select(NOTES.c.id).where(NOTES.c.id == number)))
                transaction.execute(sqlalchemy.text("SELECT pg_sleep(0.2)"))

        return work

    await asyncio.gather(database.write(lock_both(1, 2)), database.write(lock_both(2, 1)))


async def test_a_server_that_is_gone_is_unavailable_and_found_again(
    postgresql_server: postgresql.PostgresqlServer, database: sql.Database
) -> None:
    await asyncio.gather(*(database.write(insert(number)) for number in range(5)))
    # The server of the tests commits lazily, so that a kill would take the table along.
    postgresql_server.run("CHECKPOINT")
    postgresql_server.kill()
    try:
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                await database.write(insert(10))
            with pytest.raises(errors.Unavailable):
                await database.read(numbers)
    finally:
        starting = asyncio.create_task(asyncio.to_thread(postgresql_server.start))
        seen = [await _outcome(database) for _ in range(30)]
        await starting
    assert set(seen) <= {"Unavailable", "answered"}
    async with asyncio.timeout(SOON_SECONDS):
        while await _outcome(database) != "answered":
            await clock.SystemClock().sleep(0.05)
    assert await database.write(insert(11)) == 11


async def test_a_database_that_takes_no_connections_is_unavailable(
    postgresql_server: postgresql.PostgresqlServer, postgresql_url: str, database: sql.Database
) -> None:
    name = postgresql_url.rpartition("/")[2]
    postgresql_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    async with sql.open_database(postgresql_url, clock.SystemClock()) as late:
        with pytest.raises(errors.Unavailable, match="does not answer") as told:
            await late.write(insert(1))
        assert name not in told.value.message, "where the database is, is nobody's business"
        with pytest.raises(errors.Unavailable, match="cannot reach"):
            await sql.migrate(postgresql_url, "reelmesh_orchestrator")
    postgresql_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def _outcome(database: sql.Database) -> str:
    try:
        await database.read(numbers)
    except errors.Unavailable:
        return "Unavailable"
    except Exception as error:  # noqa: BLE001 - the test names what it was
        return repr(error)
    return "answered"
