"""Both engines mean the same by a transaction, a time, a conflict and a callback."""

import asyncio
import datetime
import pathlib
import uuid
from collections.abc import AsyncIterator

import pytest
import sqlalchemy
import sqlalchemy.exc
from reelmesh_kit import clock, errors, sql
from sqlalchemy.util import concurrency

NOTES = sqlalchemy.Table(
    "conformance_notes",
    sqlalchemy.MetaData(),
    sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
    sqlalchemy.Column("at", sql.Instant, nullable=True),
    sqlalchemy.Column("body", sql.Json, nullable=False),
)
ZURICH = datetime.timezone(datetime.timedelta(hours=2))
NOON = datetime.datetime(2026, 7, 20, 12, 0, 0, 123456, tzinfo=ZURICH)


@pytest.fixture
async def database(url: str) -> AsyncIterator[sql.Database]:
    """Yield a database with one table."""
    async with sql.open_database(url, clock.SystemClock()) as opened:
        await opened.write(lambda transaction: transaction.execute(sqlalchemy.schema.CreateTable(NOTES)))
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Return the URL of an empty database on the engine of the test."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path / 'notes.db'}"


def insert(number: int, at: datetime.datetime | None = None, body: object = None) -> sql.Work[int]:
    def work(transaction: sql.Transaction) -> int:
        transaction.execute(NOTES.insert().values(id=number, at=at, body=body or {}))
        return number

    return work


def numbers(transaction: sql.Transaction) -> list[int]:
    return [row.id for row in transaction.rows(sqlalchemy.select(NOTES.c.id).order_by(NOTES.c.id).limit(1000))]


async def test_what_fails_leaves_nothing_and_takes_nobody_along(database: sql.Database) -> None:
    def broken(transaction: sql.Transaction) -> None:
        insert(99)(transaction)
        raise errors.WrongState

    results = await asyncio.gather(
        *(database.write(insert(number)) for number in range(15)), database.write(broken), return_exceptions=True
    )
    assert results[:15] == list(range(15))
    assert isinstance(results[15], errors.WrongState)
    assert await database.read(numbers) == list(range(15))


async def test_a_conflict_is_a_fact(database: sql.Database) -> None:
    await database.write(insert(1))
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        await database.write(insert(1))


async def test_of_many_that_insert_the_same_one_does(database: sql.Database) -> None:
    def work(transaction: sql.Transaction) -> bool:
        return transaction.insert_if_absent(NOTES, {"id": 1, "at": None, "body": {}})

    assert sorted(await asyncio.gather(*(database.write(work) for _ in range(10)))) == [False] * 9 + [True]


async def test_times_and_structures_come_back_as_they_went(database: sql.Database) -> None:
    body = {"words": ["ü", "日本"], "number": 1.5, "nothing": None, "deep": {"yes": True}}
    await database.write(insert(1, NOON, body))
    await database.write(insert(2, None, body))
    first, second = await database.read(
        lambda transaction: transaction.rows(sqlalchemy.select(NOTES).order_by(NOTES.c.id).limit(2))
    )
    assert (first.at, first.at.tzinfo, first.body) == (NOON, datetime.UTC, body)
    assert second.at is None
    earlier = sqlalchemy.select(NOTES.c.id).where(NOTES.c.at < NOON + datetime.timedelta(microseconds=1))
    assert (await database.read(lambda transaction: transaction.row(earlier))) is not None
    with pytest.raises((ValueError, sqlalchemy.exc.StatementError), match="timezone-aware"):
        await database.write(insert(3, NOON.replace(tzinfo=None)))


async def test_the_time_of_a_transaction_stands_still_and_then_goes_on(database: sql.Database) -> None:
    def twice(transaction: sql.Transaction) -> datetime.datetime:
        first = transaction.now
        transaction.rows(sqlalchemy.select(NOTES))
        assert transaction.now is first
        assert first.utcoffset() == datetime.timedelta(0)
        return first

    before = await database.write(twice)
    await clock.SystemClock().sleep(0.01)
    assert await database.write(twice) > before


async def test_callbacks_follow_the_commit_and_see_it(database: sql.Database) -> None:
    called: list[str] = []

    def fine(transaction: sql.Transaction) -> None:
        transaction.after_commit(lambda: called.append("fine"))

    def broken(transaction: sql.Transaction) -> None:
        transaction.after_commit(lambda: called.append("broken"))
        raise errors.WrongState

    await database.write(fine)
    with pytest.raises(errors.WrongState):
        await database.write(broken)
    assert called == ["fine"]


async def test_a_read_sees_one_moment_however_many_statements_it_takes(database: sql.Database) -> None:
    await database.write(insert(1))
    loop = asyncio.get_running_loop()

    def twice(transaction: sql.Transaction) -> tuple[list[int], list[int]]:
        before = numbers(transaction)
        meanwhile = database.write(insert(2))
        if transaction.dialect == "postgresql":
            concurrency.await_only(meanwhile)
        else:
            asyncio.run_coroutine_threadsafe(meanwhile, loop).result(5)
        return before, numbers(transaction)

    assert await database.read(twice) == ([1], [1])
    assert await database.read(numbers) == [1, 2]


async def test_increments_under_a_lock_are_never_lost(database: sql.Database) -> None:
    await database.write(insert(1, body={"count": 0}))

    def increment(transaction: sql.Transaction) -> None:
        row = transaction.row(transaction.locking(sqlalchemy.select(NOTES.c.body).where(NOTES.c.id == 1)))
        assert row is not None
        transaction.execute(NOTES.update().where(NOTES.c.id == 1).values(body={"count": row.body["count"] + 1}))

    await asyncio.gather(*(database.write(increment) for _ in range(40)))
    row = await database.read(lambda transaction: transaction.row(sqlalchemy.select(NOTES.c.body)))
    assert row is not None
    assert row.body == {"count": 40}


BODIES = sqlalchemy.Table(
    "conformance_bodies",
    sqlalchemy.MetaData(),
    sqlalchemy.Column("id", sqlalchemy.Uuid, primary_key=True),
    sqlalchemy.Column("number", sqlalchemy.BigInteger, nullable=False),
    sqlalchemy.Column("ratio", sqlalchemy.Float, nullable=False),
    sqlalchemy.Column("done", sqlalchemy.Boolean, nullable=False),
    sqlalchemy.Column("at", sql.Instant, nullable=True),
    sqlalchemy.Column("body", sql.Json, nullable=False),
    sqlalchemy.Column("raw", sqlalchemy.LargeBinary, nullable=False),
)
MOVED = sql.Update(BODIES, ("number", "at", "body"), guarded=("number",), kept_when_none=frozenset({"at"}))
TOUCHED = sql.Update(BODIES, ("done",))
ASKED = [BODIES.c.id, BODIES.c.number, BODIES.c.ratio, BODIES.c.done, BODIES.c.at, BODIES.c.body]
BY_NUMBER = sql.Bundle(
    one=sqlalchemy.select(*ASKED).where(BODIES.c.number == sql.parameter("number", sqlalchemy.BigInteger)),
    small=sqlalchemy.select(sqlalchemy.func.count().label("count")).where(BODIES.c.number < 10),
    listed=sqlalchemy.select(BODIES.c.id).where(sql.among(BODIES.c.id, "ids")).order_by(BODIES.c.number),
)


def body(number: int, /, **columns: object) -> dict[str, object]:
    row = {"id": uuid.UUID(int=number), "number": number, "ratio": 8.0, "done": False, "at": None, "raw": b"\x00\xff"}
    return {**row, "body": {"ü": [1.5, None]}, **columns}


@pytest.fixture
async def bodies(database: sql.Database) -> sql.Database:
    """Return a database with two bodies that were written as changes."""
    await database.write(lambda transaction: transaction.execute(sqlalchemy.schema.CreateTable(BODIES)))
    await database.write(lambda transaction: transaction.changes.insert(BODIES, [body(1), body(2, at=NOON, done=True)]))
    return database


async def all_bodies(database: sql.Database) -> list[dict[str, object]]:
    statement = sqlalchemy.select(BODIES).order_by(BODIES.c.id)
    return [sql.columns(row) for row in await database.read(lambda transaction: transaction.rows(statement))]


async def test_changes_write_rows_as_they_are(bodies: sql.Database) -> None:
    assert await all_bodies(bodies) == [body(1), body(2, at=NOON, done=True)]


async def test_a_bundle_answers_all_its_questions_with_values_of_ours(bodies: sql.Database) -> None:
    ids = [uuid.UUID(int=2), uuid.UUID(int=9), uuid.UUID(int=1)]
    found = await bodies.glance(lambda transaction: transaction.ask(BY_NUMBER, number=2, ids=ids))
    expected = body(2, at=NOON, done=True)
    del expected["raw"]
    assert found == {
        "one": [expected],
        "small": [{"count": 2}],
        "listed": [{"id": uuid.UUID(int=1)}, {"id": uuid.UUID(int=2)}],
    }
    assert type(found["one"][0]["ratio"]) is float
    assert found["one"][0]["at"].utcoffset() == datetime.timedelta(0)
    nothing = await bodies.glance(lambda transaction: transaction.ask(BY_NUMBER, number=7, ids=[]))
    assert (nothing["one"], nothing["listed"]) == ([], [])


async def test_a_bundle_tells_the_time_of_its_transaction(bodies: sql.Database) -> None:
    def work(transaction: sql.Transaction) -> tuple[datetime.datetime, datetime.datetime]:
        transaction.ask(BY_NUMBER, number=1, ids=[])
        return transaction.now, transaction.now

    first, second = await bodies.write(work)
    assert first is second
    assert abs(first - clock.SystemClock().now()) < datetime.timedelta(minutes=1)


async def test_guarded_changes_happen_together_or_not_at_all(bodies: sql.Database) -> None:
    def work(expected: int) -> sql.Work[None]:
        def change(transaction: sql.Transaction) -> None:
            transaction.changes.insert(BODIES, [body(3)])
            transaction.changes.update(TOUCHED, {"id": uuid.UUID(int=2), "done": False})
            transaction.changes.update(MOVED, body(1, number=5), {"number": expected})

        return change

    with pytest.raises(sql.Conflict):
        await bodies.write(work(expected=4))
    assert await all_bodies(bodies) == [body(1), body(2, at=NOON, done=True)]
    await bodies.write(work(expected=1))
    assert await all_bodies(bodies) == [body(1, number=5), body(2, at=NOON), body(3)]


async def test_of_two_guards_neither_holds_alone(bodies: sql.Database) -> None:
    def change(transaction: sql.Transaction) -> None:
        transaction.changes.update(MOVED, body(1, number=5), {"number": 1})
        transaction.changes.update(MOVED, body(2, number=6), {"number": 77})

    with pytest.raises(sql.Conflict):
        await bodies.write(change)
    assert await all_bodies(bodies) == [body(1), body(2, at=NOON, done=True)]


async def test_a_column_that_is_kept_when_none_keeps_what_it_has(bodies: sql.Database) -> None:
    await bodies.write(lambda transaction: transaction.changes.update(MOVED, body(2, body={}), {"number": 2}))
    assert (await all_bodies(bodies))[1] == body(2, at=NOON, done=True, body={})


async def test_changes_are_seen_by_the_questions_after_them(bodies: sql.Database) -> None:
    def work(transaction: sql.Transaction) -> list[object]:
        transaction.changes.update(MOVED, body(1, number=5), {"number": 1})
        seen: list[object] = [transaction.ask(BY_NUMBER, number=5, ids=[])["one"][0]["id"]]
        transaction.changes.update(TOUCHED, {"id": uuid.UUID(int=1), "done": True})
        row = transaction.row(sqlalchemy.select(BODIES.c.done).where(BODIES.c.number == 5))
        assert row is not None
        return [*seen, row.done]

    assert await bodies.write(work) == [uuid.UUID(int=1), True]


async def test_what_fails_after_changes_were_sent_takes_them_back(bodies: sql.Database) -> None:
    def work(transaction: sql.Transaction) -> None:
        transaction.changes.insert(BODIES, [body(3)])
        assert len(transaction.rows(sqlalchemy.select(BODIES.c.id))) == 3
        raise errors.WrongState

    with pytest.raises(errors.WrongState):
        await bodies.write(work)
    assert len(await all_bodies(bodies)) == 2


async def test_a_guarded_change_is_decided_on_until_nobody_came_between(bodies: sql.Database) -> None:
    def increment(transaction: sql.Transaction) -> None:
        (row,) = transaction.rows(sqlalchemy.select(BODIES).where(BODIES.c.id == uuid.UUID(int=1)))
        transaction.changes.update(MOVED, body(1, number=row.number + 1), {"number": row.number})

    await asyncio.gather(*(bodies.write(increment) for _ in range(12)))
    assert (await all_bodies(bodies))[0]["number"] == 13


@pytest.mark.parametrize("numbers_gone", [[1], [1, 2, 9]])
async def test_rows_are_deleted_by_their_keys_whether_they_are_there_or_not(
    bodies: sql.Database, numbers_gone: list[int]
) -> None:
    keys = [{"id": uuid.UUID(int=number)} for number in numbers_gone]
    await bodies.write(lambda transaction: transaction.changes.delete(BODIES, keys))
    assert [row["number"] for row in await all_bodies(bodies)] == [one for one in (1, 2) if one not in numbers_gone]
