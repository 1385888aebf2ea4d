"""Commits of which nobody knows whether they happened: what was asked for happens exactly once, and is answered so."""

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
import sqlalchemy as sa
from reelmesh_kit import chance, clock, errors, sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import draft, floors, generation, verbs

from tests.support import orchestrator, postgresql, record

CHUNK_BYTES = 64 * 1024
KILLS = 25
WHOLE_TRANSACTION = re.compile(rb"(__asyncpg_stmt_\w+__)\x00WITH part0")


class Wire:
    """A proxy before PostgreSQL that may cut a connection once the server was told to commit.

    That is the word COMMIT, or the one statement that is a whole transaction: from its second message on (the first
    only has it prepared) it is known by its name.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.cuts = 0
        self.deaf = False
        self.port = 0
        self._connections: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncGenerator["Wire"]:
        """Serve on a free port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.gather(*self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.append(task)
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(self._answers(upstream_reader, writer))
        whole: set[bytes] = set()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                prepared = set(WHOLE_TRANSACTION.findall(chunk))
                whole |= prepared
                commits = b"COMMIT;" in chunk or any(name in chunk for name in whole - prepared)
                if self.cuts and commits:
                    self.cuts -= 1
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    if not self.deaf:
                        upstream.write(chunk)
                        # The server's answer: it has committed, and nobody is told.
                        await upstream_reader.read(CHUNK_BYTES)
                    break
                upstream.write(chunk)
        answers.cancel()
        await asyncio.gather(answers, return_exceptions=True)
        for side in (upstream, writer):
            side.close()
            with contextlib.suppress(OSError):
                await side.wait_closed()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
        writer.close()  # the server has hung up


@pytest.fixture
async def wire(postgresql_url: str) -> AsyncIterator[Wire]:
    """Yield a wire to the database of this test."""
    port = sa.make_url(postgresql_url).port
    assert port is not None
    async with Wire(port).serve() as serving:
        yield serving


@pytest.fixture
async def kept(postgresql_url: str, wire: Wire) -> AsyncIterator[record.Kept]:
    """Yield a record at the other end of the wire."""
    url = sa.make_url(postgresql_url).set(port=wire.port).render_as_string(hide_password=False)
    async with record.opened(url) as opened:
        yield opened


@pytest.mark.parametrize("deaf", [pytest.param(False, id="it happened"), pytest.param(True, id="it did not happen")])
async def test_what_was_admitted_exists_once_and_is_answered_as_new(kept: record.Kept, wire: Wire, deaf: bool) -> None:
    wire.cuts, wire.deaf = 1, deaf
    await kept.admit(1)
    assert wire.cuts == 0
    assert await kept.count(tables.GENERATIONS) == 1
    assert await kept.count(tables.EVENTS) == 4
    rows = {row.id for row in await kept.rows(sa.select(tables.OUTBOX.c.id))}
    assert rows == {message.id for message in kept.outgoing}
    assert [each.before for each in kept.decisions] == [None]


@pytest.mark.parametrize("deaf", [pytest.param(False, id="it happened"), pytest.param(True, id="it did not happen")])
async def test_a_retry_is_not_refused_because_of_itself(kept: record.Kept, wire: Wire, deaf: bool) -> None:
    await kept.admit(1)
    await kept.decide(1, lambda going: floors.give_up_video(_floorless(going), "X", "no"))
    assert (await kept.look(1)).generation.state is generation.GenerationState.FAILED
    wire.cuts, wire.deaf = 1, deaf
    await kept.decide(1, lambda going: verbs.retry(going, orchestrator.POLICY))
    assert wire.cuts == 0
    again = (await kept.look(1)).generation
    assert (again.run, again.state) == (2, generation.GenerationState.QUEUED)
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.type == "retried") == 1


async def test_a_decision_that_is_cut_twice_is_taken_once(kept: record.Kept, wire: Wire) -> None:
    await kept.admit(1)
    wire.cuts = 2
    await kept.decide(1, lambda going: going.happened("noted", "once"))
    assert await kept.count(tables.EVENTS, tables.EVENTS.c.type == "noted") == 1


async def test_a_record_that_is_cut_for_ever_says_that_nobody_knows(kept: record.Kept, wire: Wire) -> None:
    wire.cuts, wire.deaf = 1000, True
    with pytest.raises(sql.AmbiguousCommit):
        await kept.admit(1)
    wire.cuts = 0
    await kept.admit(1)


async def test_backends_that_die_at_any_moment_leave_everything_exactly_once(
    postgresql_server: postgresql.PostgresqlServer, postgresql_url: str
) -> None:
    name = postgresql_url.rpartition("/")[2]
    busy = f"FROM pg_stat_activity WHERE datname = '{name}' AND state <> 'idle'"
    kill = f"SELECT pg_terminate_backend(pid) {busy} LIMIT 2"
    sleep, seeded = clock.SystemClock().sleep, chance.SeededChance(1)
    async with record.opened(postgresql_url) as kept:
        done = 0

        async def admit(number: int) -> None:
            nonlocal done
            while True:
                try:
                    await kept.admit(number)
                except errors.Unavailable:
                    await sleep(0.01)
                    continue
                break
            await _noted(kept, number)
            done += 1

        admitting = asyncio.gather(*(admit(number) for number in range(80)))
        for _ in range(KILLS):
            await sleep(seeded.uniform(0.01, 0.08))
            await asyncio.to_thread(postgresql_server.run, kill)
        await admitting
        assert done == 80
        assert await kept.count(tables.GENERATIONS) == 80
        assert await kept.count(tables.ATTEMPTS) == 80
        assert await kept.count(tables.EVENTS) == 80 * 5
        assert await kept.count(tables.OUTBOX) == 80 * 5


async def _noted(kept: record.Kept, number: int) -> None:
    while True:
        try:
            await kept.decide(number, lambda going: going.happened("noted", "once"))
        except errors.Unavailable:
            await clock.SystemClock().sleep(0.01)
        else:
            return


def _floorless(going: draft.Draft) -> draft.Draft:
    going.put_generation(dataclasses.replace(going.generation, fallback_floor=generation.Delivery.VIDEO))
    return going
