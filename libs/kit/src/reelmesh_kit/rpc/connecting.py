"""gRPC's channel to a target, and another one in its place when it can no longer do what is asked of it.

A channel keeps the certificates that it was made with. And it looks up a name that is unknown less and less often, up
to two minutes apart, which no argument of gRPC bounds: a service whose last replica went away is found again that much
later. New calls go to the new channel; those that run end where they began.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from reelmesh_kit import clock, security
from reelmesh_kit.rpc import limits

Opened = Callable[[security.Material | None], grpc.aio.Channel]
Make = Callable[[grpc.aio.Channel], Any]


def opened(target: str, arguments: limits.Arguments, held: security.Material | None) -> grpc.aio.Channel:
    """Return a channel by TLS with what is held, or in the clear."""
    if held is None:
        return grpc.aio.insecure_channel(target, options=arguments)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=held.authority,
        private_key=held.key or None,
        certificate_chain=held.certificate or None,
    )
    return grpc.aio.secure_channel(target, credentials, options=arguments)


class Wire:
    """gRPC's channel to a target: another one after each renewal of its certificates, and when it fails for long."""

    def __init__(self, opened: Opened, time: clock.Clock, renewed: security.Renewed | None = None) -> None:
        """Make the first channel by `opened`; it connects when it is used."""
        self._opened = opened
        self._clock = time
        self._renewed = renewed
        self._held = renewed.current() if renewed is not None else None
        self._channel = opened(self._held)
        self._failing_since: float | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def current(self) -> grpc.aio.Channel:
        """Return the channel for new calls."""
        if self._renewed is not None and (current := self._renewed.current()) is not self._held:
            self._held = current
            self._replace()
        elif self._fails_for_long():
            self._replace()
        return self._channel

    def method(self, make: Make) -> Any:
        """Return the callable of a method, which `make` makes on whichever channel is current."""
        return _Following(self, make)

    async def close(self, grace: float | None = None) -> None:
        """Close the connections; running calls have `grace` seconds."""
        for task in tuple(self._closing):
            task.cancel()
        await self._channel.close(grace)

    def _fails_for_long(self) -> bool:
        if self._channel.get_state() is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            self._failing_since = None
            return False
        now = self._clock.elapsed()
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since >= limits.LONGEST_FAILURE_SECONDS

    def _replace(self) -> None:
        old, self._channel = self._channel, self._opened(self._held)
        self._failing_since = None
        # As long as a server lets calls go on whose connection has come of age.
        task = asyncio.create_task(old.close(limits.CONNECTION_GRACE_SECONDS), name="old channel")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Following:
    """The callable of one method, on whichever channel is current."""

    def __init__(self, wire: Wire, make: Make) -> None:
        self._wire = wire
        self._make = make
        self._channel = wire.current()
        self._plain = make(self._channel)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        channel = self._wire.current()
        if channel is not self._channel:
            self._channel, self._plain = channel, self._make(channel)
        return self._plain(*arguments, **keywords)
