"""Blocking calls in threads of their own, so that they neither stop the event loop nor are left behind half done."""

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """A bounded number of threads for one technology. Leave the context when nothing uses them any more."""

    def __init__(self, name: str, count: int) -> None:
        """Make up to `count` threads when they are needed."""
        self._executor = concurrent.futures.ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **keywords: Arguments.kwargs
    ) -> Result:
        """Call `function` in a thread. Whoever is cancelled still waits for the call to end before going on:

        nothing may be closed or taken back under a thread that still works with it.
        """
        running = self._executor.submit(function, *arguments, **keywords)
        future = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not running.cancel():
                await _seen(future)
            raise

    async def clean_up(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **keywords: Arguments.kwargs
    ) -> Result:
        """Call `function` in a thread, also for somebody who is cancelled before it has begun: it takes back or closes

        what would be left behind otherwise.
        """
        future = asyncio.wrap_future(self._executor.submit(function, *arguments, **keywords))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await _seen(future)
            raise

    def __enter__(self) -> "Threads":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what runs and end the threads."""
        self._executor.shutdown()


async def _seen(future: asyncio.Future[Result]) -> None:
    await asyncio.wait([future])
    _ = future.cancelled() or future.exception()  # nobody else will look at it
