"""What the simulation asks its databases past SQLAlchemy comes back as SQLAlchemy would have it."""

import uuid

import pytest
import sqlalchemy as sa
from reelmesh_orchestrator.adapters.sql import tables

from tests.simulation import databases, hosts, services, statements
from tests.support import invariants, orchestrator
from tests.support import record as kept

GENERATION_IDS = [kept.identifier(number) for number in (1, 2, 3)]


@pytest.fixture
async def record() -> databases.InLoop:
    """Return a record with three generations."""
    made = databases.InLoop(databases.emptied("reelmesh_orchestrator"), hosts.HostClock())
    wrote = services.record_of(made)
    for provider in ("paid", "other", "free"):
        await wrote.write(lambda store, of=provider: store.put_account(orchestrator.account(of)))
    for number in (1, 2, 3):
        await wrote.write(lambda store, number=number: store.insert(kept.admitted(number, store)))
    return made


QUESTIONS = [
    sa.select(tables.GENERATIONS),
    sa.select(tables.EVENTS).order_by(tables.EVENTS.c.position),
    sa.select(tables.ATTEMPTS.c.id, tables.ATTEMPTS.c.create_time).where(tables.ATTEMPTS.c.state == "PLANNED"),
    sa.select(tables.SHOTS).where(tables.SHOTS.c.generation_id.in_(GENERATION_IDS[:2])).limit(5),
    sa.select(sa.func.count().label("number")).select_from(tables.EVENTS),
    sa.select(tables.GENERATIONS).where(tables.GENERATIONS.c.id == uuid.UUID(int=99)),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
async def test_rows_are_those_of_sqlalchemy(record: databases.InLoop, question: sa.Select) -> None:
    expected = record._connection.execute(question).all()
    # Twice: the second time what was compiled is known.
    for _ in range(2):
        found = record.look(lambda one: one.rows(question))
        assert found == expected
        assert [row._mapping for row in found] == [row._mapping for row in expected]
        assert record.look(lambda one: one.row(question)) == (expected[0] if expected else None)


async def test_the_same_text_with_other_values_finds_other_rows(record: databases.InLoop) -> None:
    for generation_id in GENERATION_IDS:
        question = sa.select(tables.GENERATIONS.c.id).where(tables.GENERATIONS.c.id == generation_id)
        assert [row.id for row in record.look(lambda one, question=question: one.rows(question))] == [generation_id]
    for some in (GENERATION_IDS, GENERATION_IDS[:1], []):
        question = sa.select(tables.GENERATIONS.c.id).where(tables.GENERATIONS.c.id.in_(some))
        found = record.look(lambda one, question=question: one.rows(question))
        assert sorted(row.id for row in found) == sorted(some)


async def test_what_is_written_one_by_one_is_counted_and_a_broken_constraint_is_told(record: databases.InLoop) -> None:
    changed = tables.GENERATIONS.update().where(tables.GENERATIONS.c.id == GENERATION_IDS[0]).values(priority=7)
    result, _ = record.run(lambda one: one.execute(changed).rowcount)
    assert result == 1
    missing = tables.GENERATIONS.update().where(tables.GENERATIONS.c.id == uuid.UUID(int=99)).values(priority=7)
    assert record.run(lambda one: one.execute(missing).rowcount)[0] == 0
    row = record.look(lambda one: one.row(sa.select(tables.GENERATIONS)))
    assert row is not None
    again = tables.GENERATIONS.insert().values(**row._mapping)
    with pytest.raises(sa.exc.IntegrityError):
        record.run(lambda one: one.execute(again))


@pytest.mark.parametrize("some", [None, GENERATION_IDS[:2], []], ids=["all", "two", "none"])
async def test_a_snapshot_has_the_same_rows_as_anywhere(record: databases.InLoop, some: list[uuid.UUID] | None) -> None:
    quick = record.look(lambda one: statements.Snapshot(one, some))
    plain = record.look(lambda one: invariants.Snapshot(one, some))
    for name in ("generations", "shots", "attempts", "steps", "events", "ledger", "jobs", "outbox", "accounts"):
        assert getattr(quick, name) == getattr(plain, name), name
    assert len(quick.generations) == (len(GENERATION_IDS) if some is None else len(some))
