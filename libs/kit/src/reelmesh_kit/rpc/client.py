"""Calling other services: a channel whose calls carry trace, caller and deadline, and fail in our words.

It wraps gRPC's channel instead of using its client interceptors: those start a task per call, and one that looks at
the answer keeps the caller from writing to the stream.
"""

import contextlib
import functools
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self

import grpc

from reelmesh_kit import process
from reelmesh_kit.rpc import calling, connecting, contract, limits

TIMEOUT_SECONDS = 10.0


@contextlib.asynccontextmanager
async def channel(
    chassis: process.Chassis, target: str, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncGenerator["Channel"]:
    """Yield a channel to `target`, for the generated stubs. It connects when first used and reconnects for ever.

    It speaks TLS if the chassis says so: the server's certificate must be for the host that `target` names.

    Every unary call has a deadline: its own `timeout`, or `timeout_seconds`, and never later than that of the call
    being handled. Streams end by their `timeout`, if given, and by the deadline of the call being handled, if any.
    Calls fail with the classes of `reelmesh_kit.errors`. Methods that the protos call idempotent are repeated, a few
    times and within the deadline, when the answer is UNAVAILABLE; others never.

    Args:
        chassis: the service's chassis.
        target: gRPC's name of the servers: "host:port", or "dns:///name:port" for all addresses of a name.
        timeout_seconds: for unary calls that name none.
    """
    arguments = limits.channel_arguments(contract.service_config())
    wire = connecting.Wire(
        functools.partial(connecting.opened, target, arguments), chassis.clock, chassis.secured.client
    )
    try:
        yield Channel(wire, calling.Outgoing(chassis, target, timeout_seconds))
    finally:
        await wire.close()


class Channel(grpc.aio.Channel):
    """A gRPC channel whose methods are `calling.Method`s."""

    def __init__(self, wire: connecting.Wire, outgoing: calling.Outgoing) -> None:
        """Wrap `wire`, which stays owned by the caller."""
        self._wire = wire
        self._outgoing = outgoing

    def unary_unary(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Return the callable of a method with one request and one response."""
        return self._method(method, lambda plain: plain.unary_unary(method, *arguments, **keywords), streams=False)

    def unary_stream(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Return the callable of a method that answers with a stream."""
        return self._method(method, lambda plain: plain.unary_stream(method, *arguments, **keywords), streams=True)

    def stream_unary(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Return the callable of a method that is sent a stream."""
        return self._method(method, lambda plain: plain.stream_unary(method, *arguments, **keywords), streams=True)

    def stream_stream(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Return the callable of a method with streams both ways."""
        return self._method(method, lambda plain: plain.stream_stream(method, *arguments, **keywords), streams=True)

    async def close(self, grace: float | None = None) -> None:
        """Close the connections; running calls have `grace` seconds."""
        await self._wire.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return whether it is connected."""
        return self._wire.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the state is another."""
        await self._wire.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until it is connected."""
        await self._wire.current().channel_ready()

    def _method(self, path: str, make: connecting.Make, *, streams: bool) -> calling.Method:
        return calling.Method(self._outgoing, path, self._wire.method(make), streams)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()
