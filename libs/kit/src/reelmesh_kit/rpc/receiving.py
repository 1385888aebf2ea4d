"""Takes in what a client sends: one message within a bounded time, or each of a stream; what cannot be read is refused.

gRPC itself would wait for ever for the message of a call that has begun, and call a message that cannot be read a fault
of the server.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, Self

import grpc
from google.protobuf import message

from reelmesh_kit import clock, errors
from reelmesh_kit.rpc import limits

Receive = Callable[[], Awaitable[Any]]
Metadata = Collection[tuple[str, str | bytes]]


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


class Receiver:
    """What comes in for one method."""

    def __init__(self, time: clock.Clock, deserialize: Callable[[bytes], Any]) -> None:
        """Read messages by `deserialize`."""
        self._clock = time
        self._deserialize = deserialize

    async def one(self, context: Any) -> Any:
        """Return the one message of a call.

        Raises:
            DeadlineExceeded: it was not there within limits.MESSAGE_SECONDS.
            InvalidArgument: there is none, or it cannot be read.
        """
        try:
            content: Any = await self._clock.wait_for(context.read(), limits.MESSAGE_SECONDS)
        except TimeoutError as error:
            raise errors.DeadlineExceeded(
                f"The request was not there after {limits.MESSAGE_SECONDS:.0f} s. Send it at once; nothing was done."
            ) from error
        if content is grpc.aio.EOF:
            raise errors.InvalidArgument("request", "there is none; send one message")
        return self.read(content)

    async def each(self, contents: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """Return the messages of a stream, each read as it is asked for."""
        return _Stream(contents, self.read)

    def read(self, content: bytes) -> Any:
        """Return the message in these bytes.

        Raises:
            InvalidArgument: there is none.
        """
        try:
            return self._deserialize(content)
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
