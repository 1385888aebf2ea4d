"""Answering one call: its span, its deadline, its caller, its metrics, and its errors as status."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from typing import Any, NoReturn

import grpc
from google.rpc import status_pb2
from opentelemetry import trace

from reelmesh_kit import errors, metrics, process, telemetry
from reelmesh_kit.rpc import conventions, deadline, identity, receiving, status

Context = Any


class _Aborted(Exception):
    """Leaves the span, carrying what the caller is to be told."""

    def __init__(self, answer: status_pb2.Status, code: grpc.StatusCode) -> None:
        super().__init__(code.name)
        self.answer = answer
        self.code = code


class Answer:
    """What stands around the method for one call. Runs in the call's own task, so that nothing needs resetting."""

    def __init__(self, chassis: process.Chassis, path: str, metadata: Mapping[str, str]) -> None:
        """Take gRPC's path of the method and the call's textual metadata."""
        self._chassis = chassis
        self._path = path
        self._metadata = metadata

    async def single(
        self, method: Callable[[Any, Context], Awaitable[Any]], incoming: receiving.Incoming, context: Context
    ) -> Any:
        """Answer by a coroutine; it is given what comes in: the request, or the stream of them."""
        try:
            with self._handling(context):
                return await method(await incoming.take(), context)
        except _Aborted as aborted:
            await incoming.leave()
            await _abort(context, aborted)

    async def stream(
        self,
        method: Callable[[Any, Context], AsyncGenerator[Any, None]],
        incoming: receiving.Incoming,
        context: Context,
    ) -> None:
        """Answer by an async generator, which is closed here, in this task, whatever happens."""
        try:
            with self._handling(context):
                async with contextlib.aclosing(method(await incoming.take(), context)) as responses:
                    async for response in responses:
                        await _write(response, context)
        except _Aborted as aborted:
            await incoming.leave()
            await _abort(context, aborted)

    @contextlib.contextmanager
    def _handling(self, context: Context) -> Generator[None]:
        identity.begin(self._metadata)
        deadline.begin(self._chassis.clock, context.time_remaining())
        name = conventions.method_name(self._path)
        with (
            self._chassis.telemetry.metrics.rpc_server_calls_open.labels(name).track_inprogress(),
            self._chassis.telemetry.span(
                name,
                kind=trace.SpanKind.SERVER,
                parent=self._parent(),
                attributes=conventions.call_attributes(self._path),
                ratio=self._chassis.telemetry.reads_ratio if conventions.is_read(self._path) else 1.0,
                record_errors=False,
            ) as span,
        ):
            yield from self._measured(span, context)

    def _parent(self) -> str:
        """Return the caller's trace context. What may begin a generation is traced whatever the caller samples."""
        given = self._metadata.get(conventions.TRACEPARENT_KEY, "")
        public = conventions.method_name(self._path).startswith(conventions.PUBLIC)
        return telemetry.always_kept(given) if public and not conventions.is_read(self._path) else given

    def _measured(self, span: trace.Span, context: Context) -> Generator[None]:
        began = self._chassis.clock.elapsed()
        code = grpc.StatusCode.OK
        try:
            yield
            code = _code_set_by(context)
        except asyncio.CancelledError:
            code = self._why_cancelled()
            raise
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            # A method that speaks gRPC itself.
            code = _code_set_by(context)
            raise
        except errors.ReelmeshError as error:
            code = status.code_of(error)
            if code in conventions.SERVER_FAULTS:
                self._chassis.logger.warning("%s failed: %s", self._path, error)
            raise _Aborted(status.to_status(error), code) from error
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            self._chassis.logger.exception("%s failed in a way nobody expected.", self._path)
            span.record_exception(error)
            raise _Aborted(status.to_status(_fault()), code) from error
        finally:
            self._record(span, code, self._chassis.clock.elapsed() - began)

    def _why_cancelled(self) -> grpc.StatusCode:
        left = deadline.remaining_seconds(self._chassis.clock)
        late = left is not None and left <= 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED

    def _record(self, span: trace.Span, code: grpc.StatusCode, seconds: float) -> None:
        span.set_attribute(conventions.STATUS_CODE, code.name)
        if code in conventions.SERVER_FAULTS:
            span.set_attribute(conventions.ERROR_TYPE, code.name)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        metrics.observe(
            self._chassis.telemetry.metrics.rpc_server_call_duration,
            seconds,
            rpc_method=conventions.method_name(self._path),
            rpc_status_code=code.name,
        )


async def _write(response: Any, context: Context) -> None:
    try:
        await context.write(response)
    except grpc.aio.InternalError as error:
        raise asyncio.CancelledError("the client went away in the middle of the answer") from error


def _fault() -> errors.ReelmeshError:
    """Return what a caller may know about a fault of ours: where the logs have the rest."""
    trace_id, _ = telemetry.current_ids()
    return errors.ReelmeshError(f"A fault of ours. Ask the operator to look for trace {trace_id}.", trace_id=trace_id)


def _code_set_by(context: Context) -> grpc.StatusCode:
    number = context.code() or 0
    return next(code for code in grpc.StatusCode if number in (code, code.value[0]))


async def _abort(context: Context, aborted: _Aborted) -> NoReturn:
    details = ((status.DETAILS_KEY, aborted.answer.SerializeToString()),)
    await context.abort(aborted.code, aborted.answer.message, details)
    raise AssertionError("abort always raises")
