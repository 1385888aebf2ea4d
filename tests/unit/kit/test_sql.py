"""The embedded database keeps its promises: durable together, failing alone, clear about what is wrong."""

import asyncio
import datetime
import pathlib

import pytest
import sqlalchemy
import sqlalchemy.exc
from reelmesh_kit import clock, errors, sql
from reelmesh_kit.sql import postgresql

METADATA = sqlalchemy.MetaData()
NOTES = sqlalchemy.Table(
    "notes",
    METADATA,
    sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
    sqlalchemy.Column("at", sql.Instant, nullable=False),
    sqlalchemy.Column("body", sql.Json, nullable=False),
)
NOON = datetime.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=clock.UTC)


def create(transaction: sql.Transaction) -> None:
    transaction.execute(sqlalchemy.schema.CreateTable(NOTES))


def insert(number: int, at: datetime.datetime = NOON) -> sql.Work[int]:
    def work(transaction: sql.Transaction) -> int:
        transaction.execute(NOTES.insert().values(id=number, at=at, body={"number": number}))
        return number

    return work


def numbers(transaction: sql.Transaction) -> list[int]:
    return [row.id for row in transaction.rows(sqlalchemy.select(NOTES.c.id).order_by(NOTES.c.id).limit(1000))]


async def test_what_was_written_is_there_after_reopening(tmp_path: pathlib.Path) -> None:
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    async with sql.open_database(url, clock.SystemClock()) as database:
        await database.write(create)
        await database.write(insert(1))
    async with sql.open_database(url, clock.SystemClock()) as database:
        row = await database.read(lambda transaction: transaction.row(sqlalchemy.select(NOTES)))
    assert row is not None
    assert (row.at, row.body) == (NOON, {"number": 1})


async def test_a_failing_piece_of_work_does_not_take_its_group_along(tmp_path: pathlib.Path) -> None:
    async with sql.open_database(f"sqlite:///{tmp_path / 'notes.db'}", clock.SystemClock()) as database:
        await database.write(create)

        def half_done(transaction: sql.Transaction) -> None:
            insert(99)(transaction)
            raise errors.WrongState

        results = await asyncio.gather(
            *(database.write(insert(number)) for number in range(10)),
            database.write(half_done),
            database.write(insert(5)),
            return_exceptions=True,
        )
        assert results[:10] == list(range(10))
        assert isinstance(results[10], errors.WrongState)
        assert isinstance(results[11], sqlalchemy.exc.IntegrityError)
        assert await database.read(numbers) == list(range(10))


async def test_callbacks_run_after_the_commit_and_never_after_a_rollback() -> None:
    called: list[str] = []
    async with sql.open_database("sqlite://", clock.SystemClock()) as database:

        def fine(transaction: sql.Transaction) -> None:
            transaction.after_commit(lambda: called.append("fine"))

        def broken(transaction: sql.Transaction) -> None:
            transaction.after_commit(lambda: called.append("broken"))
            raise errors.WrongState

        await database.write(fine)
        with pytest.raises(errors.WrongState):
            await database.write(broken)
    assert called == ["fine"]


async def test_now_is_read_once_in_a_transaction() -> None:
    ticking = clock.ManualClock()
    async with sql.open_database("sqlite://", ticking) as database:

        def twice(transaction: sql.Transaction) -> tuple[datetime.datetime, datetime.datetime]:
            first = transaction.now
            ticking.advance(60)
            return first, transaction.now

        first, second = await database.write(twice)
    assert first == second


async def test_a_file_that_is_no_database_is_refused_with_a_way_out(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is certainly not a database file" * 100)
    with pytest.raises(errors.Unavailable, match="Put a backup in its place"):
        async with sql.open_database(f"sqlite:///{path}", clock.SystemClock()):
            pass


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unavailable, match="cannot open"):
        async with sql.open_database(f"sqlite:///{tmp_path}", clock.SystemClock()):
            pass


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not a url"])
async def test_other_engines_are_refused(url: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="database_url"):
        async with sql.open_database(url, clock.SystemClock()):
            pass


async def test_a_time_without_zone_is_refused() -> None:
    async with sql.open_database("sqlite://", clock.SystemClock()) as database:
        await database.write(create)
        with pytest.raises((ValueError, sqlalchemy.exc.StatementError), match="timezone-aware"):
            await database.write(insert(1, NOON.replace(tzinfo=None)))


@pytest.mark.parametrize(
    ("url", "driven"),
    [
        ("postgresql://u@db/x", "postgresql+asyncpg://u@db/x"),
        ("postgresql://u@db/x?sslmode=require", "postgresql+asyncpg://u@db/x?ssl=require"),
        ("postgresql://u@db/x?ssl=verify-full", "postgresql+asyncpg://u@db/x?ssl=verify-full"),
    ],
)
def test_a_url_may_use_the_word_for_tls_that_every_other_tool_uses(url: str, driven: str) -> None:
    assert postgresql.driven(url).render_as_string() == driven


class DriverError(Exception):
    """What a driver raises: with the server's code, or without one when the trouble is its own."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("cannot switch to state 12; another operation (2) is in progress")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(("sqlstate", "passing"), [(None, True), ("57P01", True), ("XX000", False)])
def test_a_driver_at_a_loss_is_a_server_that_cannot_be_reached(sqlstate: str | None, passing: bool) -> None:
    error = sqlalchemy.exc.InternalError("SELECT 1", {}, DriverError(sqlstate))
    assert postgresql.is_passing(error) is passing
