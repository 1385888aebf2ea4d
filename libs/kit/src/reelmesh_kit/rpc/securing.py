"""TLS of gRPC's servers and channels: certificates that were renewed are taken up without a restart.

A server asks for what is current at each handshake. A channel of gRPC keeps what it was made with, so that another one
takes its place: new calls go there, and those that run end where they began.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from reelmesh_kit import security
from reelmesh_kit.rpc import limits

Opened = Callable[[security.Material | None], grpc.aio.Channel]
Make = Callable[[grpc.aio.Channel], Any]


def server_credentials(renewed: security.Renewed) -> grpc.ServerCredentials:
    """Return the credentials of a server; one with an authority refuses clients without a certificate of it."""
    held = renewed.current()

    def fetch() -> "grpc.ServerCertificateConfiguration | None":
        nonlocal held
        if (current := renewed.current()) is held:
            return None
        held = current
        return _shown(current)

    return grpc.dynamic_ssl_server_credentials(
        _shown(held),
        fetch,  # pyright: ignore[reportArgumentType] - None says that nothing has changed
        require_client_authentication=renewed.files.authority is not None,
    )


def _shown(material: security.Material) -> "grpc.ServerCertificateConfiguration":
    pair = (material.key, material.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=material.authority or None)


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
    """gRPC's channel to a target: the same for ever in the clear, by TLS another one after each renewal."""

    def __init__(self, opened: Opened, renewed: security.Renewed | None = None) -> None:
        """Make the first channel by `opened`; it connects when it is used."""
        self._opened = opened
        self._renewed = renewed
        self._held = renewed.current() if renewed is not None else None
        self._channel = opened(self._held)
        self._closing: set[asyncio.Task[None]] = set()

    def current(self) -> grpc.aio.Channel:
        """Return the channel for new calls."""
        if self._renewed is not None and (current := self._renewed.current()) is not self._held:
            self._held = current
            old, self._channel = self._channel, self._opened(current)
            # As long as a server lets calls go on whose connection has come of age.
            task = asyncio.create_task(old.close(limits.CONNECTION_GRACE_SECONDS), name="old channel")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return self._channel

    def method(self, make: Make) -> Any:
        """Return the callable of a method, which `make` makes on a channel."""
        return make(self._channel) if self._renewed is None else _Following(self, make)

    async def close(self, grace: float | None = None) -> None:
        """Close the connections; running calls have `grace` seconds."""
        for task in tuple(self._closing):
            task.cancel()
        await self._channel.close(grace)


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
