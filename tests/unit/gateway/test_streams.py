"""Streams of events end without leaving anything behind."""

import asyncio
import gc
from collections.abc import AsyncGenerator

from reelmesh_gateway.routes import streams
from reelmesh_kit import clock


async def test_a_caller_who_leaves_as_the_last_event_is_told_leaves_nothing_behind() -> None:
    noticed: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noticed.append(context))
    over = asyncio.Event()

    async def items() -> AsyncGenerator[str]:
        await over.wait()
        return
        yield

    told = streams.Streams(clock.SystemClock(), heartbeat_seconds=0.01).with_heartbeats(items())
    assert await anext(told) is None
    over.set()
    await clock.SystemClock().sleep(0.05)
    await told.aclose()
    del told
    gc.collect()
    await clock.SystemClock().sleep(0)
    assert noticed == []
