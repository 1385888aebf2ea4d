"""No question reads a whole table: what it costs does not grow with what is stored."""

import contextlib
import dataclasses
import pathlib
import re
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import cast

import pytest
import sqlalchemy as sa
from reelmesh_kit.sql import sqlite
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import eras, facts, generation
from sqlalchemy import event

from tests.support import orchestrator, record

# Tables that only grow. Cards, accounts and leases are few.
GROWING = {
    *("generations", "labels", "shots", "attempts", "steps", "provider_jobs", "ledger", "events", "outbox"),
    # Few, or many once; but every Begin asks for them.
    "found_jobs",
    "calls",
    "health_events",
}
SCAN = re.compile(r"SCAN (\w+)\b(?! USING (?:COVERING )?INDEX)")
NOBODY = uuid.UUID(int=0)
MARK = eras.Mark(NOBODY, 1, NOBODY)
TENANT = ports.Filter("tenant", user_id="eve", states=(generation.GenerationState.QUEUED,), labels={"a": "b"})

QUESTIONS: dict[str, Callable[[ports.Store], object]] = {
    "look": lambda store: store.look(NOBODY),
    "look_at": lambda store: store.look_at([NOBODY]),
    "revisions": lambda store: store.revisions([NOBODY]),
    "of_attempt": lambda store: store.of_attempt(NOBODY),
    "of_step": lambda store: store.of_step(NOBODY),
    "case": lambda store: store.case(NOBODY, "worker", "project", "job"),
    "step_case": lambda store: store.step_case(NOBODY),
    "admission": lambda store: store.admission("tenant", NOBODY),
    "open_generations": lambda store: store.open_generations(10),
    "page": lambda store: store.page(TENANT, ports.Place(store.now, NOBODY), 10),
    "page from the oldest": lambda store: store.page(
        dataclasses.replace(TENANT, oldest_first=True), ports.Place(store.now, NOBODY), 10
    ),
    "twins": lambda store: store.twins(NOBODY),
    "lock_twins": lambda store: store.lock_twins(NOBODY),
    "events": lambda store: store.events("tenant", NOBODY, 0, 10),
    "all_events": lambda store: store.all_events(0, 10),
    "backlog": lambda store: store.backlog(),
    "health": lambda store: store.health(),
    "loads": lambda store: store.loads(),
    "health_events": lambda store: store.health_events(7, 10),
    "queue": lambda store: store.queue("account", store.now, 10),
    "silences": lambda store: store.silences(ports.Waits(1.0, 1.0, 1.0, 1.0), 10),
    "steps_of_worker": lambda store: store.steps_of_worker("worker"),
    "prune": lambda store: store.prune(store.now, store.now, 10),
    "end_lease": lambda store: store.end_lease("worker", None),
    "unwatched": lambda store: store.unwatched(),
    "watched_by": lambda store: store.watched_by("worker"),
    "assign": lambda store: store.assign("worker", "provider", 10),
    "charges": lambda store: store.charges([NOBODY]),
    "lease_case": lambda store: store.lease_case("worker", "provider", "pool", "name", (MARK,)),
    "lookalikes": lambda store: store.lookalikes("account", "model", 10),
    "standing": lambda store: store.standing((MARK, MARK)),
    "begin_case": lambda store: store.begin_case(NOBODY, "worker", (MARK,)),
    "censuses": lambda store: store.censuses(2),
    "found": lambda store: store.found([NOBODY], [1, 2]),
    "claim": lambda store: store.claim("account", "job"),
    "orphans": lambda store: store.orphans(ports.OrphanPlace("account", "job"), 10),
    "doubtful": lambda store: store.doubtful(ports.DoubtPlace(store.now, NOBODY), 10),
    "forgotten": lambda store: store.forgotten([NOBODY]),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_finds_its_rows_by_an_index(name: str, tmp_path: pathlib.Path) -> None:
    async with record.opened(f"sqlite:///{tmp_path / 'record.db'}") as kept:
        await kept.put_accounts("paid")
        await kept.admit(1, cards=(orchestrator.PAID,), labels={"a": "b"})
        asked = await statements(kept, QUESTIONS[name])
        assert asked
        plans = [await plan(kept, one) for one in asked]
    scanned = {table for one in plans for table in SCAN.findall(one)} & GROWING
    assert not scanned, plans


async def test_a_decision_finds_its_rows_by_an_index(tmp_path: pathlib.Path) -> None:
    async with record.opened(f"sqlite:///{tmp_path / 'record.db'}") as kept:
        await kept.admit(1)
        attempt_id = await kept.advance_to(1, "submitting")
        job = facts.Job("account", "job", attempt_id, facts.Evidence.RECORD)

        def work(store: ports.Store) -> None:
            found = store.case(attempt_id, "", "account", "job")
            store.keep_job(job, found.claim_in("account"))

        plans = [await plan(kept, one) for one in await statements(kept, work)]
    assert not {table for one in plans for table in SCAN.findall(one)} & GROWING, plans


def test_a_scan_is_recognised() -> None:
    assert SCAN.findall("SCAN attempts") == ["attempts"]
    assert SCAN.findall("SCAN attempts USING INDEX ix_attempts_waiting") == []


async def statements(kept: record.Kept, work: Callable[[ports.Store], object]) -> list[str]:
    """Return what a piece of work asks the database, with its parameters."""
    async with noted(kept) as asked:
        await kept.write(work)
    return asked


@contextlib.asynccontextmanager
async def noted(kept: record.Kept) -> AsyncGenerator[list[str]]:
    """Note what SQLite is asked while the body runs, at SQLite itself: with its parameters, whoever asks."""
    asked: list[str] = []
    traced: list[sqlite3.Connection] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(note)
        traced.append(connection)

    def note(text: str) -> None:
        if text.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append(text)

    engine = cast("sqlite.SqliteDatabase", kept.database).engine
    # The writer has had its connection from the beginning, readers take theirs out of the pool.
    await kept.database.write(lambda transaction: trace(transaction._driver._below))  # pyright: ignore
    event.listen(engine, "checkout", trace)
    try:
        yield asked
    finally:
        event.remove(engine, "checkout", trace)
        for connection in traced:
            connection.set_trace_callback(None)


async def plan(kept: record.Kept, text: str) -> str:
    """Return how SQLite goes about a statement."""
    found = await kept.database.read(lambda transaction: transaction.rows(sa.text(f"EXPLAIN QUERY PLAN {_told(text)}")))
    return "; ".join(row.detail for row in found)


def _told(text: str) -> str:
    """Return a text in which SQLAlchemy finds no parameters."""
    return text.replace(":", "\\:")
