"""Takes in what a client sends: one message within a bounded time, or each of a stream; what cannot be read is refused.

gRPC itself would wait for ever for the message of a call that has begun, and call a message that cannot be read a fault
of the server.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any, Self

import grpc
from google.protobuf import message

from reelmesh_kit import clock, errors
from reelmesh_kit.rpc import limits

Metadata = Collection[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Call:
    """A call as gRPC hands it over."""

    metadata: Metadata
    contents: AsyncIterator[bytes]
    """Its messages, as bytes."""
    context: Any
    streams: bool
    """Whether it may have any number of messages."""
    deserialize: Callable[[bytes], Any]


def check(metadata: Metadata) -> None:
    """Refuse a call with more metadata than allowed. gRPC does so only for clients that have agreed to its settings.

    Raises:
        TooLarge: it has.
    """
    if len(metadata) > limits.METADATA_FIELDS_LIMIT:
        raise errors.TooLarge(
            f"The call has more than {limits.METADATA_FIELDS_LIMIT} fields of metadata. Send fewer.",
            limit_fields=limits.METADATA_FIELDS_LIMIT,
        )
    if sum(len(name) + len(value) for name, value in metadata) > limits.METADATA_LIMIT_BYTES:
        raise errors.TooLarge(
            f"The call has more than {limits.METADATA_LIMIT_BYTES} bytes of metadata. Send less.",
            limit_bytes=limits.METADATA_LIMIT_BYTES,
        )


class Incoming:
    """What comes in with one call."""

    def __init__(self, time: clock.Clock, call: Call) -> None:
        """Bound waiting by `time`."""
        self._clock = time
        self._call = call

    async def take(self) -> Any:
        """Return the one message of the call, or the stream of them, each read as it is asked for.

        Raises:
            TooLarge: the call has too much metadata.
            DeadlineExceeded: the one message was not there within limits.MESSAGE_SECONDS.
            InvalidArgument: there is none, or it cannot be read.
        """
        check(self._call.metadata)
        return _Stream(self._call.contents, self._read) if self._call.streams else await self._one()

    async def leave(self) -> None:
        """Drop what a refused client still sends, for a while.

        A client that is told in the middle of sending notices only that it cannot send on: gRPC's own libraries then
        make an internal error of whatever they were told.
        """
        if self._call.streams:
            with contextlib.suppress(TimeoutError, grpc.aio.InternalError, grpc.aio.UsageError):
                await self._clock.wait_for(self._drop(), limits.LINGER_SECONDS)

    async def _one(self) -> Any:
        try:
            content: Any = await self._clock.wait_for(self._call.context.read(), limits.MESSAGE_SECONDS)
        except TimeoutError as error:
            raise errors.DeadlineExceeded(
                f"The request was not there after {limits.MESSAGE_SECONDS:.0f} s. Send it at once; nothing was done."
            ) from error
        if content is grpc.aio.EOF:
            raise errors.InvalidArgument("request", "there is none; send one message")
        return self._read(content)

    async def _drop(self) -> None:
        left_bytes = limits.LINGER_LIMIT_BYTES
        while left_bytes > 0:
            content: Any = await self._call.context.read()
            if content is grpc.aio.EOF:
                return
            left_bytes -= len(content)

    def _read(self, content: bytes) -> Any:
        try:
            return self._call.deserialize(content)
        except message.DecodeError as error:
            raise errors.InvalidArgument(
                "request", "cannot be read as the message of this method. Is the client made from the same protos?"
            ) from error


class _Stream:
    """No generator: one that is left in the middle would be closed by another task."""

    def __init__(self, contents: AsyncIterator[bytes], read: Callable[[bytes], Any]) -> None:
        self._contents = contents
        self._read = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return self._read(await anext(self._contents))
