"""Virtual time, and processes that freeze and die in it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.simulation import loop


def lived(work: Coroutine[Any, Any, Any]) -> loop.VirtualLoop:
    """Run work on a loop of its own, to its end."""
    running = loop.VirtualLoop()
    try:
        running.run_until_complete(work)
    finally:
        running.end()
    return running


def test_time_passes_by_what_is_waited_for_and_by_nothing_else() -> None:
    moments: list[float] = []

    async def wait() -> None:
        moments.append(asyncio.get_running_loop().time())
        await loop.passing(3600.0)
        moments.append(asyncio.get_running_loop().time())

    lived(wait())
    assert moments == [0.0, 3600.0]


def test_what_a_frozen_process_missed_runs_when_it_thaws_in_order() -> None:
    told: list[tuple[str, float]] = []

    async def act(process: loop.Process) -> None:
        async def tell(name: str, after: float) -> None:
            await loop.passing(after)
            told.append((name, asyncio.get_running_loop().time()))

        process.spawn(tell("early", 1.0))
        process.spawn(tell("late", 2.0))
        loop.natural(tell("nature", 1.5))
        process.standing = loop.Standing.FROZEN
        await loop.passing(5.0)
        assert told == [("nature", 1.5)]
        running = asyncio.get_running_loop()
        assert isinstance(running, loop.VirtualLoop)
        running.thaw(process)
        await loop.passing(3.0)

    lived(act(loop.Process("one")))
    # The first had not begun to wait when it was frozen.
    assert told == [("nature", 1.5), ("early", 6.0), ("late", 7.0)]


def test_what_is_due_in_one_moment_runs_in_the_order_of_its_making() -> None:
    told: list[int] = []

    async def act() -> None:
        running = asyncio.get_running_loop()
        for number in range(20):
            running.call_at(5.0, told.append, number)
        gone = running.call_at(5.0, told.append, 99)
        gone.cancel()
        await loop.passing(5.0)

    lived(act())
    assert told == list(range(20))


def test_who_waits_and_is_cancelled_hears_it_at_once_unless_it_is_frozen() -> None:
    told: list[tuple[str, float]] = []

    async def act(process: loop.Process) -> None:
        running = asyncio.get_running_loop()
        assert isinstance(running, loop.VirtualLoop)

        async def wait(name: str) -> None:
            try:
                await loop.passing(10.0)
            finally:
                told.append((name, running.time()))

        free, frozen = loop.natural(wait("free")), process.spawn(wait("frozen"))
        await loop.passing(1.0)
        process.standing = loop.Standing.FROZEN
        free.cancel()
        frozen.cancel()
        # Its own moment passes meanwhile: that does not wake it a second time.
        await loop.passing(20.0)
        running.thaw(process)
        await asyncio.wait({free, frozen})
        assert free.cancelled()
        assert frozen.cancelled()

    lived(act(loop.Process("one")))
    assert told == [("free", 1.0), ("frozen", 21.0)]


def test_a_callback_that_fails_is_told_and_the_rest_goes_on() -> None:
    told: list[Any] = []

    async def act() -> None:
        running = asyncio.get_running_loop()
        running.set_exception_handler(lambda _, context: told.append(context["exception"]))
        running.call_soon(int, "none")
        await loop.passing(1.0)

    lived(act())
    assert [type(error) for error in told] == [ValueError]


def test_a_process_that_is_killed_does_nothing_any_more_not_even_finally() -> None:
    told: list[str] = []

    async def act(process: loop.Process) -> None:
        async def hold() -> None:
            try:
                await loop.passing(10.0)
            finally:
                told.append("tidied up")

        process.spawn(hold())
        await loop.passing(1.0)
        process.standing = loop.Standing.DEAD
        await loop.passing(100.0)
        assert told == []

    lived(act(loop.Process("one")))
    assert told == ["tidied up"]  # when the loop ended, and nobody looked any more


def test_tasks_of_a_process_belong_to_it_whatever_their_context() -> None:
    owners: list[loop.Process | None] = []

    async def act(process: loop.Process) -> None:
        async def look() -> None:
            owners.append(loop.OWNER.get())

        async def start() -> None:
            running = asyncio.get_running_loop()
            await running.create_task(look())
            await running.create_task(look(), context=loop.contextvars.Context())
            await loop.natural(look())

        await process.spawn(start())

    one = loop.Process("one")
    lived(act(one))
    assert owners == [one, one, None]


def test_threads_are_refused_and_waiting_for_nothing_is_told() -> None:
    async def thread() -> None:
        await asyncio.to_thread(print)

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="in a thread"):
        lived(thread())
    with pytest.raises(loop.Stuck):
        lived(forever())


def test_errors_that_nobody_looks_at_are_found() -> None:
    found: list[BaseException] = []

    async def act() -> None:
        async def fail() -> None:
            raise ValueError("unseen")

        running = asyncio.get_running_loop()
        running.create_task(fail())  # noqa: RUF006 - nobody looks at it
        await loop.passing(1.0)
        assert isinstance(running, loop.VirtualLoop)
        found.extend(running.unseen_errors())

    lived(act())
    assert [str(error) for error in found] == ["unseen"]
