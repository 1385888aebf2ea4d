"""Making one call: its span, metadata and deadline before, its errors in our words after."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry import trace

from reelmesh_kit import metrics, process, telemetry
from reelmesh_kit.rpc import conventions, deadline, identity, status

# What gRPC says when sending fails; the server's own word has come before, or comes after.
_CORE_ERROR = "Internal error from Core"


@dataclass(frozen=True)
class Outgoing:
    """What all calls of a channel share."""

    chassis: process.Chassis
    target: str
    timeout_seconds: float


class Method:
    """The callable of one method, in the place of gRPC's multi-callables."""

    def __init__(self, outgoing: Outgoing, path: str, plain: Any, streams: bool) -> None:
        """Wrap `plain`; a method that `streams` has no deadline of its own."""
        self._outgoing = outgoing
        self._path = path
        self._plain = plain
        self._default_seconds = None if streams else outgoing.timeout_seconds

    def __call__(
        self, request: Any = None, *, timeout: float | None = None, metadata: Any = None, **keywords: Any
    ) -> "Call":
        """Begin the call.

        Args:
            request: the message, or an async iterator of messages.
            timeout: seconds.
            metadata: pairs to send besides our own.
            keywords: what else gRPC takes.

        Raises:
            DeadlineExceeded: it would have no time, or the call being handled has none left.
        """
        wanted = self._default_seconds if timeout is None else timeout
        seconds = deadline.bounded(self._outgoing.chassis.clock, wanted)
        watched = Watched(self._outgoing, self._path)
        sent = grpc.aio.Metadata(*(metadata or ()), *watched.metadata(), *identity.outgoing())
        plain = self._plain(request, timeout=seconds, metadata=sent, **keywords)
        return Call(plain, self._path, watched)


class Watched:
    """The span and the stopwatch of one call.

    The span is not current for the caller: it lives in a context of its own, entered here and left when the call ends,
    which may be in another task. A call that is dropped unread ends its span when it is collected.
    """

    def __init__(self, outgoing: Outgoing, path: str) -> None:
        """Open the span below the current one."""
        self._outgoing = outgoing
        self._name = conventions.method_name(path)
        self._began = outgoing.chassis.clock.elapsed()
        self._context = contextvars.copy_context()
        self._open = outgoing.chassis.telemetry.span(
            self._name,
            kind=trace.SpanKind.CLIENT,
            attributes={**conventions.call_attributes(path), **conventions.peer_attributes(outgoing.target)},
            # What no request and no generation asks for: leases, lists, health.
            ratio=outgoing.chassis.telemetry.reads_ratio,
        )
        self._span = self._context.run(self._open.__enter__)
        self._ended = False

    def metadata(self) -> list[tuple[str, str]]:
        """Return what makes the server's span a child of this one."""
        traceparent = self._context.run(telemetry.current_traceparent)
        return [(conventions.TRACEPARENT_KEY, traceparent)] if traceparent else []

    def end(self, code: grpc.StatusCode) -> None:
        """Close the span; only the first end counts."""
        if self._ended:
            return
        self._ended = True
        self._span.set_attribute(conventions.STATUS_CODE, code.name)
        if code is not grpc.StatusCode.OK:
            self._span.set_attribute(conventions.ERROR_TYPE, code.name)
            self._span.set_status(trace.Status(trace.StatusCode.ERROR))
        self._context.run(self._leave, code)

    def _leave(self, code: grpc.StatusCode) -> None:
        metrics.observe(
            self._outgoing.chassis.telemetry.metrics.rpc_client_call_duration,
            self._outgoing.chassis.clock.elapsed() - self._began,
            rpc_method=self._name,
            rpc_status_code=code.name,
        )
        self._open.__exit__(None, None, None)


class Call:
    """A call under way: awaited or iterated like gRPC's own, to which everything else goes."""

    def __init__(self, plain: Any, path: str, watched: Watched) -> None:
        """Wrap gRPC's call."""
        self._plain = plain
        self._path = path
        self._watched = watched
        self._ended: grpc.aio.AioRpcError | None = None
        plain.add_done_callback(self._note_end)
        self._responses: AsyncIterator[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of gRPC's call, such as `cancel`, `code`, `done_writing`."""
        return getattr(self._plain, name)

    def __await__(self) -> Generator[Any, None, Any]:
        """Return the one response."""
        try:
            response = yield from self._plain.__await__()  # pyright: ignore[reportUnknownVariableType]
        except BaseException as error:
            self._raise_in_our_words(error)
            raise
        self._watched.end(grpc.StatusCode.OK)
        return response  # pyright: ignore[reportUnknownVariableType]

    def __aiter__(self) -> AsyncIterator[Any]:
        """Return the iterator over the responses: always the same one."""
        if self._responses is None:
            self._responses = self._iterated()
        return self._responses

    async def read(self) -> Any:
        """Return the next response, or `grpc.aio.EOF`."""
        try:
            response = await self._plain.read()
        except BaseException as error:
            self._raise_in_our_words(error)
            raise
        if response is grpc.aio.EOF:
            self._watched.end(grpc.StatusCode.OK)
        return response

    async def _iterated(self) -> AsyncIterator[Any]:
        try:
            async for response in self._plain:
                yield response
        except GeneratorExit:
            self._plain.cancel()
            self._watched.end(grpc.StatusCode.CANCELLED)
            raise
        except BaseException as error:
            self._raise_in_our_words(error)
            raise
        self._watched.end(grpc.StatusCode.OK)

    def _note_end(self, plain: Any) -> None:
        """Keep how the call ended: sending that fails a moment later makes gRPC forget it for an internal error."""
        if self._ended is None:
            code, details, trailing = (
                _at_once(each()) for each in (plain.code, plain.details, plain.trailing_metadata)
            )
            self._ended = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing or grpc.aio.Metadata(), details)

    def _raise_in_our_words(self, error: BaseException) -> None:
        if isinstance(error, grpc.aio.AioRpcError):
            error = self._ended if self._ended is not None and _forgotten(error) else error
            self._watched.end(error.code())
            raise status.from_call(self._path, error) from error
        cancelled = isinstance(error, asyncio.CancelledError)
        self._watched.end(grpc.StatusCode.CANCELLED if cancelled else grpc.StatusCode.UNKNOWN)


def _forgotten(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.INTERNAL and error.details() == _CORE_ERROR


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that has nothing to wait for: that of a call that is done."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    return None
