"""A handler that records, a worker beside a test, and waiting until something holds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from reelmesh_kit import bus, clock, errors

SUBJECT = "task.generate.local"
DURABLE = "local"
SOON_SECONDS = 5.0


class Recorder:
    """A handler that keeps what it was given and answers what it is told, in turn; `Done` when out of answers."""

    def __init__(self, *answers: bus.Result | BaseException) -> None:
        self.deliveries: list[bus.Delivery] = []
        self.times: list[float] = []
        self._answers = list(answers)
        self._came = asyncio.Condition()

    async def __call__(self, delivery: bus.Delivery) -> bus.Result:
        async with self._came:
            self.deliveries.append(delivery)
            self.times.append(asyncio.get_running_loop().time())
            self._came.notify_all()
        answer = self._answers.pop(0) if self._answers else bus.Done()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def wait_for(self, count: int) -> None:
        """Wait until it was given so many deliveries."""
        async with asyncio.timeout(SOON_SECONDS), self._came:
            await self._came.wait_for(lambda: len(self.deliveries) >= count)


@contextlib.asynccontextmanager
async def working(
    mesh_bus: bus.Bus, handle: Any, *, slots: int = 2, **keywords: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """Work beside the body."""
    task = asyncio.create_task(mesh_bus.work(DURABLE, SUBJECT, handle, slots=slots, **keywords))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(time: clock.Clock, holds: Callable[[], Awaitable[object]], seconds: float = SOON_SECONDS) -> None:
    """Wait until `holds` returns something true, at most for so long."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await time.sleep(0.02)


async def nothing_left(mesh_bus: bus.Bus, durable: str = DURABLE) -> bool:
    """Return whether all that was published for a consumer is done."""
    try:
        return await mesh_bus.depth(durable) == bus.Depth(0, 0)
    except errors.NotFound:
        # The worker has only just begun.
        return False
