"""The caller's end of a simulated gRPC call: what the kit's channel wraps."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from typing import Any, NoReturn, Protocol

import grpc

from tests.simulation import hosts

Serializer = Callable[[Any], bytes]
Deserializer = Callable[[bytes], Any]
END = b"end of stream"


class Carrier(Protocol):
    """Whoever carries calls."""

    async def carried(self, host: hosts.Host, name: str, path: str, request: "Requests", left: float | None) -> Any:
        """Return the answer."""
        ...


@dataclasses.dataclass
class Requests:
    """What a caller sends, and where streamed answers go."""

    metadata: Sequence[tuple[str, str]]
    #: The one message, unless it is a stream.
    message: bytes = b""
    #: Messages of a stream, then END.
    stream: "asyncio.Queue[bytes] | None" = None
    #: Answers of a stream, then END.
    answers: "asyncio.Queue[bytes] | None" = None

    @property
    def streams(self) -> bool:
        """Whether either side streams: then nothing can be repeated."""
        return self.stream is not None or self.answers is not None

    async def contents(self) -> AsyncIterator[bytes]:
        """Yield what is sent, as it travels."""
        if self.stream is None:
            yield self.message
            return
        while (content := await self.stream.get()) is not END:
            yield content


class Plain:
    """gRPC's channel without a socket."""

    def __init__(self, network: Carrier, host: hosts.Host, name: str) -> None:
        """Call from a host to a name."""
        self._network = network
        self._host = host
        self._name = name

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return that it is connected, always: only calls fail."""
        return grpc.ChannelConnectivity.READY

    def unary_unary(
        self, path: str, request_serializer: Serializer, response_deserializer: Deserializer, **_: Any
    ) -> Any:
        """Return the callable of a method with one request and one response."""

        def call(request: Any, *, timeout: float | None, metadata: Any) -> "Call":
            sent = Requests(tuple(metadata), request_serializer(request))
            return Call(self._perform(path, sent, timeout, response_deserializer))

        return call

    def stream_unary(
        self, path: str, request_serializer: Serializer, response_deserializer: Deserializer, **_: Any
    ) -> Any:
        """Return the callable of a method that is sent a stream."""

        def call(requests: AsyncIterator[Any] | None, *, timeout: float | None, metadata: Any) -> "Upload":
            sent = Requests(tuple(metadata), stream=asyncio.Queue())
            return Upload(self._perform(path, sent, timeout, response_deserializer), sent, request_serializer, requests)

        return call

    def unary_stream(
        self, path: str, request_serializer: Serializer, response_deserializer: Deserializer, **_: Any
    ) -> Any:
        """Return the callable of a method that answers with a stream."""

        def call(request: Any, *, timeout: float | None, metadata: Any) -> "Download":
            sent = Requests(tuple(metadata), request_serializer(request), answers=asyncio.Queue())
            return Download(self._perform(path, sent, timeout, lambda _: None), sent, response_deserializer)

        return call

    def stream_stream(self, path: str, *_: Any, **__: Any) -> Any:
        """Return nothing that works: the mesh has no such method."""

        def call(*_: Any, **__: Any) -> NoReturn:
            raise NotImplementedError(path)

        return call

    async def _perform(self, path: str, request: Requests, timeout: float | None, read: Deserializer) -> Any:
        try:
            async with asyncio.timeout(timeout):
                return read(await self._network.carried(self._host, self._name, path, request, timeout))
        except TimeoutError:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "too late") from None


class Call:
    """A call under way."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin it."""
        self._task = asyncio.get_running_loop().create_task(work)

    def __await__(self) -> Generator[Any, None, Any]:
        """Return the response."""
        return self._task.__await__()

    def cancel(self) -> bool:
        """Give it up, unless it has ended."""
        return self._task.cancel()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call back when it has ended."""
        self._task.add_done_callback(lambda _: callback(self))

    async def code(self) -> grpc.StatusCode:
        """Return how it ended; these three are asked once it has."""
        trouble = self._trouble
        return trouble.code() if trouble else grpc.StatusCode.OK

    async def details(self) -> str | None:
        """Return what was said about how it ended."""
        trouble = self._trouble
        return trouble.details() if trouble else ""

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """Return what came with the end."""
        trouble = self._trouble
        return trouble.trailing_metadata() if trouble else grpc.aio.Metadata()

    @property
    def _trouble(self) -> grpc.aio.AioRpcError | None:
        error = None if self._task.cancelled() else self._task.exception()
        return error if isinstance(error, grpc.aio.AioRpcError) else None


class Upload(Call):
    """A call that is sent a stream."""

    def __init__(
        self, work: Coroutine[Any, Any, Any], sent: Requests, serialize: Serializer, requests: AsyncIterator[Any] | None
    ) -> None:
        """Begin it; `requests` None leaves writing to the caller."""
        super().__init__(work)
        assert sent.stream is not None
        self._stream = sent.stream
        self._serialize = serialize
        if requests is not None:
            self._feeding = asyncio.get_running_loop().create_task(self._feed(requests))

    async def write(self, message: Any) -> None:
        """Send a message."""
        if self._task.done():
            raise asyncio.InvalidStateError("the call has ended")
        self._stream.put_nowait(self._serialize(message))

    async def done_writing(self) -> None:
        """End the stream."""
        self._stream.put_nowait(END)

    async def _feed(self, requests: AsyncIterator[Any]) -> None:
        try:
            async for message in requests:
                await self.write(message)
        except asyncio.InvalidStateError:
            return
        await self.done_writing()


class Download(Call):
    """A call that answers with a stream."""

    def __init__(self, work: Coroutine[Any, Any, Any], sent: Requests, deserialize: Deserializer) -> None:
        """Begin it."""
        super().__init__(work)
        assert sent.answers is not None
        self._answers = sent.answers
        self._deserialize = deserialize
        self._task.add_done_callback(lambda _: self._answers.put_nowait(END))

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield the answers."""
        while (message := await self._answers.get()) is not END:
            yield self._deserialize(message)
        await self._task
