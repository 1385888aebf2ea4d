"""The server's end of a simulated gRPC call: the methods of services behind the kit's own interceptor."""

import inspect
import types
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NoReturn

import grpc
from reelmesh_kit import process, rpc
from reelmesh_kit.rpc import server

from tests.simulation import calls


class Aborted(Exception):
    """The method was ended with a status."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        """Keep what the caller gets."""
        super().__init__(str(error.code()))
        self.error = error


class Methods:
    """The methods of some services by path, as a server of the kit answers them."""

    def __init__(self, chassis: process.Chassis, services: Sequence[rpc.Service]) -> None:
        """Register services."""
        self._interceptor = server._Interceptor(chassis)
        self._handlers: dict[str, Any] = {}
        mine: Any = self
        for each in services:
            each.register(mine)

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Ignore the older way of registering."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Keep the methods of a service."""
        self._handlers.update({f"/{service}/{name}": handler for name, handler in handlers.items()})

    async def answered(self, path: str, request: calls.Requests, left: float | None) -> bytes:
        """Answer a call; streamed answers go where its caller waits for them.

        Raises:
            Aborted: it ended with a status.
        """
        details: Any = types.SimpleNamespace(method=path, invocation_metadata=request.metadata)
        handler: Any = await self._interceptor.intercept_service(self._registered, details)
        context = Context(left, request, handler.response_serializer)
        kinds = {
            (False, False): handler.unary_unary,
            (False, True): handler.unary_stream,
            (True, False): handler.stream_unary,
            (True, True): handler.stream_stream,
        }
        method = kinds[handler.request_streaming, handler.response_streaming]
        if handler.request_streaming:
            result = method(_read(context.contents, handler.request_deserializer), context)
        else:
            result = method(handler.request_deserializer(request.message), context)
        if inspect.isasyncgen(result):
            async for message in result:
                await context.write(message)
            return b""
        answer = await result
        return b"" if handler.response_streaming else handler.response_serializer(answer)

    async def _registered(self, details: Any) -> Any:
        return self._handlers[details.method]


class Context:
    """What a method that answers sees of its call."""

    def __init__(self, left: float | None, request: calls.Requests, serialize: calls.Serializer) -> None:
        """Take the seconds that are left, and where streamed answers go."""
        self.contents = request.contents()
        self._left = left
        self._request = request
        self._serialize = serialize

    def time_remaining(self) -> float | None:
        """Return the seconds that are left."""
        return self._left

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """Return what the caller sent along."""
        return self._request.metadata

    def code(self) -> int:
        """Return the status that the method has set: none of ours does."""
        return 0

    async def read(self) -> Any:
        """Return the next message as it travelled, or gRPC's end of the stream."""
        return await anext(self.contents, grpc.aio.EOF)

    async def send_initial_metadata(self, _: Any) -> None:
        """Send the head: the caller is still there, or this call would have been cancelled."""

    async def write(self, message: Any) -> None:
        """Send one of many answers."""
        assert self._request.answers is not None
        self._request.answers.put_nowait(self._serialize(message))

    async def abort(self, code: grpc.StatusCode, details: str, trailing: Any) -> NoReturn:
        """End the call with a status."""
        raise Aborted(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details))


async def _read(contents: AsyncIterator[bytes], deserialize: calls.Deserializer | None) -> AsyncIterator[Any]:
    async for content in contents:
        yield deserialize(content) if deserialize else content
