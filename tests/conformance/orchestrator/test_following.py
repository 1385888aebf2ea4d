"""Followers whose bells stay silent, as they do while the bus is away: one look at the record serves all of them."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from reelmesh_kit import clock, errors
from reelmesh_orchestrator.model import verbs
from reelmesh_orchestrator.usecases import pulsing, watching

from tests.support import orchestrator, record, trips

FOLLOWERS = 100
LOOKS = 5
PATIENCE_SECONDS = 60.0


class Board:
    """A board on which nobody writes, and bells that never ring by themselves."""

    @contextlib.asynccontextmanager
    async def bell(self, generation_id: uuid.UUID) -> AsyncGenerator[asyncio.Event]:
        """Hear nothing."""
        yield asyncio.Event()

    def percent(self, aggregate: object) -> int:
        """Know nothing."""
        return 0

    def activity(self, generation_id: uuid.UUID) -> str:
        """Know nothing."""
        return ""


class Process:
    """An orchestrator as far as it is followed."""

    def __init__(self, kept: record.Kept) -> None:
        self.database = trips.Counting(kept.database)
        self.leaving = False
        mine = record.over(self.database)
        self.pulse = pulsing.Pulse(mine.record, clock.SystemClock(), lambda: self.leaving)
        verbs_ = record.generations_of(mine)
        self.watching = watching.Watching(
            verbs_, Board(), self.pulse, lambda: self.leaving, followers_limit=2 * FOLLOWERS
        )

    async def follow(self, stack: contextlib.AsyncExitStack, number: int) -> AsyncIterator[Any]:
        """Follow a generation; return what comes after all that there was to be told."""
        seen = self.watching.watch("tenant", record.identifier(number), 0)
        await stack.enter_async_context(contextlib.aclosing(seen))
        while not isinstance(await anext(seen), watching.Advance):
            continue
        return seen


@pytest.fixture
def process(kept: record.Kept) -> Process:
    return Process(kept)


async def waiting(*followers: AsyncIterator[Any]) -> list["asyncio.Task[Any]"]:
    """Let followers wait for what comes next."""
    tasks = [asyncio.create_task(_next(one)) for one in followers]
    for _ in range(10):
        await clock.SystemClock().sleep(0)
    return tasks


async def _next(follower: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await anext(follower)


async def test_a_hundred_that_wait_cost_one_question_at_a_time(kept: record.Kept, process: Process) -> None:
    for number in range(3):
        await kept.admit(number)
    async with contextlib.AsyncExitStack() as stack:
        tasks = await waiting(*[await process.follow(stack, number % 3) for number in range(FOLLOWERS)])
        process.database.taken()
        for _ in range(LOOKS):
            await process.pulse.look()
            for _ in range(10):
                await clock.SystemClock().sleep(0)
        assert process.database.taken() == ["ask"] * LOOKS
        assert not any(task.done() for task in tasks)
        await _cancelled(tasks)
    await process.pulse.look()
    assert process.database.taken() == []


async def test_what_another_orchestrator_records_is_told_to_who_follows_it(kept: record.Kept, process: Process) -> None:
    for number in (1, 2):
        await kept.admit(number, cards=(orchestrator.PAID,))
    async with contextlib.AsyncExitStack() as stack:
        followers = [await process.follow(stack, number) for number in (1, 1, 2)]
        tasks = await waiting(*followers)
        await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))
        await process.pulse.look()
        assert [(await one).type for one in tasks[:2]] == ["cancelling"] * 2
        await process.pulse.look()
        assert not tasks[2].done()
        await _cancelled(tasks)


async def test_who_has_read_a_part_is_told_the_rest(kept: record.Kept, process: Process) -> None:
    rang = asyncio.Event()
    await kept.admit(1)
    revision = (await kept.look(1)).generation.revision
    with process.pulse.following(record.identifier(1), rang) as follower:
        for known, rings in ((None, True), (revision, False), (revision + 1, True)):
            rang.clear()
            follower.knows(known)
            await process.pulse.look()
            assert rang.is_set() is rings


async def test_whose_generation_is_gone_learns_of_it(kept: record.Kept, process: Process) -> None:
    rang = asyncio.Event()
    with process.pulse.following(record.identifier(7), rang) as follower:
        follower.knows(1)
        await process.pulse.look()
    assert rang.is_set()


async def test_many_generations_are_asked_for_in_parts(kept: record.Kept, process: Process) -> None:
    await kept.admit(1)
    revision = (await kept.look(1)).generation.revision
    with contextlib.ExitStack() as stack:
        bells = [asyncio.Event() for _ in range(pulsing.BATCH + 1)]
        for number, rang in enumerate(bells):
            stack.enter_context(process.pulse.following(record.identifier(number), rang)).knows(revision)
        await process.pulse.look()
    assert process.database.taken() == ["ask", "ask"]
    assert [number for number, rang in enumerate(bells) if not rang.is_set()] == [1]


async def test_who_follows_here_is_told_to_go_when_the_process_stops(kept: record.Kept, process: Process) -> None:
    await kept.admit(1)
    async with contextlib.AsyncExitStack() as stack:
        (task,) = await waiting(await process.follow(stack, 1))
        process.leaving = True
        await process.pulse.look()
        with pytest.raises(errors.Unavailable, match="watch on from the last sequence"):
            await task


async def test_a_database_that_does_not_answer_is_no_secret(kept: record.Kept, process: Process) -> None:
    rang = asyncio.Event()
    with process.pulse.following(record.identifier(1), rang):
        process.database.away = True
        with pytest.raises(errors.Unavailable):
            await process.pulse.look()
    assert rang.is_set()


async def _cancelled(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
