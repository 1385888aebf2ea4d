"""Records that are filled with copies of a finished generation, on both databases."""

import pathlib
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import facts

from bench import stored
from tests.support import orchestrator, record

WANTED = 7


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql_url")
        return found
    return f"sqlite:///{tmp_path / 'record.sqlite'}"


async def finish_one(kept: record.Kept) -> uuid.UUID:
    """Make a generation and have its rows say that it is completed."""
    await kept.write(lambda store: store.put_card(orchestrator.PAID))
    await kept.put_accounts("paid")
    await kept.admit(1)
    attempt_id = await kept.advance_to(1, "submitting")
    job = facts.Job("paid", "job-1", attempt_id, facts.Evidence.RECORD)
    await record.attempts_of(kept).record(job, record.WORKER)
    completed = tables.GENERATIONS.update().values(state="COMPLETED")
    await kept.database.write(lambda transaction: transaction.execute(completed))
    return record.identifier(1)


async def rows(kept: record.Kept, table: sa.Table, **columns: object) -> list[Any]:
    """Return the rows of a table with these values."""
    statement = sa.select(table).where(*(table.c[name] == value for name, value in columns.items()))
    return list(await kept.rows(statement))


async def test_copies_have_all_the_rows_of_their_original_and_ids_of_their_own(url: str) -> None:
    async with record.opened(url) as kept:
        original = await finish_one(kept)
        assert await stored.fill(url, WANTED) == WANTED
        for table in (tables.SHOTS, tables.ATTEMPTS, tables.EVENTS, tables.LEDGER):
            each = len(await rows(kept, table, generation_id=original))
            assert each > 0
            assert await kept.count(table) == WANTED * each
        generations = await rows(kept, tables.GENERATIONS)
        for one in generations:
            (shot,) = await rows(kept, tables.SHOTS, generation_id=one.id)
            (attempt,) = await rows(kept, tables.ATTEMPTS, generation_id=one.id)
            (job,) = await rows(kept, tables.PROVIDER_JOBS, attempt_id=attempt.id)
            assert attempt.shot_id == shot.id
            assert job.job_id.startswith("job-")
        assert len({one.create_time for one in generations}) == WANTED
        assert {one.prompt for one in generations} == {generations[0].prompt}


async def test_a_record_that_has_enough_is_left_alone(url: str) -> None:
    async with record.opened(url) as kept:
        await finish_one(kept)
        await stored.fill(url, 3)
        assert await stored.fill(url, 2) == 3
        # And one that grows again goes on where it was.
        assert await stored.fill(url, 5) == 5
