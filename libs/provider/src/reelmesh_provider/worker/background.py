"""Work that goes on beside its starter: kept alive, outside of any span that happens to be open, and never silent."""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

from reelmesh_kit import process

Result = TypeVar("Result")


class Background:
    """Tasks of one owner."""

    def __init__(self, own: process.Chassis) -> None:
        """Own no task yet."""
        self._own = own
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
        """Run `work` in a context of its own; what it raises is logged."""
        task = asyncio.create_task(work, name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def stop(self, after_seconds: float = 0.0) -> None:
        """Wait for what still runs, and cancel what still does `after_seconds` later."""
        if self._tasks and after_seconds > 0:
            await asyncio.wait(set(self._tasks), timeout=after_seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._own.logger.error("%s failed", task.get_name(), exc_info=error)
