"""Serving gRPC: health and reflection included, each call traced, measured, bounded, and answered in our words."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc
from google.protobuf import descriptor
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from reelmesh.mesh.v1 import health_service_pb2_grpc

from reelmesh_kit import process, security
from reelmesh_kit.rpc import answering, bystanding, limits, readiness, receiving, securing

DRAIN_SECONDS = 10.0
# A server that stops is looked at so often, and has nothing more to do when so many looks in a row found no open call.
LOOK_SECONDS = 0.1
IDLE_LOOKS = 5

Servicer = TypeVar("Servicer")
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]]


@dataclass(frozen=True)
class Service:
    """One gRPC service to be served."""

    name: str
    """Full name in the protos, such as "reelmesh.mesh.v1.StorageService"."""
    register: Callable[[grpc.aio.Server], None]


def service(
    named: str | descriptor.ServiceDescriptor,
    add: Callable[[Servicer, grpc.aio.Server], None],
    servicer: Servicer,
) -> Service:
    """Describe a service.

    Args:
        named: full name in the protos, or the descriptor, as `pb2.DESCRIPTOR.services_by_name["StorageService"]`.
        add: the generated `add_…Servicer_to_server`.
        servicer: the implementation; its methods are coroutines or async generators.
    """
    name: str = named if isinstance(named, str) else named.full_name
    return Service(name, lambda server: add(servicer, server))


@contextlib.asynccontextmanager
async def serve(
    chassis: process.Chassis,
    services: Sequence[Service],
    *,
    host: str,
    port: int,
    drain_seconds: float = DRAIN_SECONDS,
    door: security.Door | None = None,
) -> AsyncGenerator[int]:
    """Serve `services`, gRPC health and reflection; yield the bound port.

    Within the mesh the chassis says whether by TLS, and whether callers must show a certificate. A `door` is not within
    it: there its own certificate is shown, or none.

    Health by the name of a service follows the checks of the chassis, health by no name only the shutdown: see
    `readiness`. At the end both say NOT_SERVING, new calls are refused as UNAVAILABLE, and those that run have
    `drain_seconds`.

    Raises:
        CannotStart: the port is in use, the host is not ours, or calls within the mesh go by TLS and there is no
            certificate for this server.
    """
    certificate = _certificate(chassis) if door is None else door.certificate
    interceptor = _Interceptor(chassis)
    server = grpc.aio.server(
        interceptors=[interceptor],
        options=limits.server_arguments(),
        maximum_concurrent_rpcs=limits.CONCURRENT_CALLS_LIMIT,
    )
    names = [each.name for each in services]
    for each in services:
        each.register(server)
    ready = readiness.Readiness(chassis, names)
    await ready.look()
    health_pb2_grpc.add_HealthServicer_to_server(ready.servicer, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    bound = _bind(server, host, port, certificate)
    await server.start()
    async with process.supervise(chassis, readiness=ready.follow):
        try:
            yield bound
        finally:
            await ready.servicer.enter_graceful_shutdown()
            await _stop(server, interceptor, drain_seconds)


async def _stop(server: grpc.aio.Server, interceptor: "_Interceptor", drain_seconds: float) -> None:
    """Stop the server once every call is answered that was begun, at the latest after `drain_seconds`.

    gRPC's server takes calls in while it stops that it never begins, and would wait for them, too: their callers hear
    sooner that they should ask somebody else.
    """
    stopping = asyncio.ensure_future(server.stop(drain_seconds))
    idle_looks = 0
    while not stopping.done() and idle_looks < IDLE_LOOKS:
        idle_looks = 0 if interceptor.open_calls else idle_looks + 1
        await asyncio.wait({stopping}, timeout=LOOK_SECONDS)
    if not stopping.done():
        await server.stop(None)
    await stopping


def health_service(chassis: process.Chassis) -> Service:
    """Describe HealthService: for servers that only the mesh can reach, as it tells more than a stranger may know."""
    add = health_service_pb2_grpc.add_HealthServiceServicer_to_server
    return service(readiness.NAME, add, readiness.HealthServicer(chassis))


def _certificate(chassis: process.Chassis) -> security.Renewed | None:
    if chassis.secured.server is None and chassis.secured.client is not None:
        raise process.CannotStart(
            "Calls within the mesh go by TLS (REELMESH_TLS_CA_FILE), and this service would be called in the clear. "
            "Give it a certificate by REELMESH_TLS_CERTIFICATE_FILE and REELMESH_TLS_KEY_FILE."
        )
    return chassis.secured.server


def _bind(server: grpc.aio.Server, host: str, port: int, certificate: security.Renewed | None) -> int:
    try:
        if certificate is None:
            return server.add_insecure_port(f"{host}:{port}")
        return server.add_secure_port(f"{host}:{port}", securing.server_credentials(certificate))
    except RuntimeError as error:
        raise process.CannotStart(
            f"Cannot listen for gRPC on {host}:{port}: the port is in use or the address is not of this machine. "
            "Stop what uses it, or choose another with REELMESH_GRPC_PORT (0 takes a free one)."
        ) from error


@dataclass
class _Open:
    """Calls that are being answered."""

    calls: int = 0


class _Interceptor(grpc.aio.ServerInterceptor):
    """Puts `answering.Answer` around each method of ours; health and reflection stay untraced."""

    def __init__(self, chassis: process.Chassis) -> None:
        self._chassis = chassis
        self._ours, self._others = _Open(), _Open()
        self._asking, self._following = bystanding.Asking(), bystanding.Following()

    @property
    def open_calls(self) -> int:
        """How many calls of ours are being answered; health and reflection follow for ever, and are not counted."""
        return self._ours.calls

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path: str = handler_call_details.method
        sent = handler_call_details.invocation_metadata or ()
        if path.startswith("/grpc."):
            streams = cast(Any, handler).response_streaming
            around = self._following if streams else self._asking
            return _wrapped(handler, self._chassis, sent, around, self._others)
        metadata = {key: value for key, value in sent if isinstance(value, str)}
        return _wrapped(handler, self._chassis, sent, answering.Answer(self._chassis, path, metadata), self._ours)


def _wrapped(
    handler: Any, chassis: process.Chassis, metadata: receiving.Metadata, around: Any, counted: _Open
) -> "grpc.RpcMethodHandler[Any, Any]":
    """Return the handler with `around` around its behaviour; requests are received and read, streams are written there.

    On the wire a call with one request is a stream of one: taken as such, waiting for it can be bounded. An async
    generator of a cancelled call gRPC would drop for the garbage collector to close, in another task.
    """
    method = _method(handler)
    answer = around.stream if inspect.isasyncgenfunction(method) else around.single

    async def behaviour(contents: Any, context: Any) -> Any:
        call = receiving.Call(metadata, contents, context, handler.request_streaming, handler.request_deserializer)
        counted.calls += 1
        try:
            return await answer(method, receiving.Incoming(chassis.clock, call), context)
        finally:
            counted.calls -= 1

    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(behaviour, None, handler.response_serializer)
    return grpc.stream_unary_rpc_method_handler(behaviour, None, handler.response_serializer)


def _method(handler: Any) -> Any:
    by_kind = {
        (False, False): handler.unary_unary,
        (False, True): handler.unary_stream,
        (True, False): handler.stream_unary,
        (True, True): handler.stream_stream,
    }
    return by_kind[handler.request_streaming, handler.response_streaming]
