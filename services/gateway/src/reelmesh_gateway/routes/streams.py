"""Server-sent events: how a silent stream stays open, and how it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from reelmesh_kit import clock, errors

MEDIA_TYPE = "text/event-stream"
# What browsers wait before they come back.
RECONNECT_MILLISECONDS = 2000
HEARTBEAT = ": still here\n\n"
HEADERS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Item = TypeVar("Item")


class Streams:
    """All streams that are open at this moment."""

    def __init__(self, streams_clock: clock.Clock, *, heartbeat_seconds: float) -> None:
        """Tell each caller that it is still connected every `heartbeat_seconds`."""
        self._clock = streams_clock
        self._heartbeat_seconds = heartbeat_seconds
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all streams; their callers come back, to another gateway or to this one when it is up again."""
        self._closing.set()

    async def with_heartbeats(self, items: AsyncGenerator[Item]) -> AsyncGenerator[Item | None]:
        """Yield `items`, None whenever there was none for a while, and end when all streams do."""
        closing = asyncio.ensure_future(self._closing.wait())
        pending: asyncio.Task[Item] | None = None
        try:
            while not self._closing.is_set():
                pending = pending or asyncio.ensure_future(_next(items))
                if not await self._ready(pending, closing):
                    yield None
                    continue
                if not pending.done():
                    return
                item, pending = pending.result(), None
                yield item
        except StopAsyncIteration:
            return
        finally:
            await _stopped(closing, pending)
            await items.aclose()

    async def _ready(self, pending: "asyncio.Task[Item]", closing: "asyncio.Future[Any]") -> bool:
        waiting = asyncio.wait({pending, closing}, return_when=asyncio.FIRST_COMPLETED)
        try:
            await self._clock.wait_for(waiting, self._heartbeat_seconds)
        except TimeoutError:
            return False
        return True


async def _next(items: AsyncGenerator[Item]) -> Item:
    return await anext(items)


async def _stopped(*tasks: "asyncio.Future[Any] | None") -> None:
    for task in filter(None, tasks):
        task.cancel()
        # Awaited also when it is done already: an end that nobody has heard of is complained about.
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, errors.ReelmeshError):
            await task


def event(name: str, data: Mapping[str, Any], identity: int | None = None) -> str:
    """Return one event as text/event-stream has it; JSON has no line ends, so one data line holds it."""
    head = "" if identity is None else f"id: {identity}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
