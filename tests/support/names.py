"""A name server: says where a name is, or that nobody has it, and keeps when it was asked."""

import asyncio
import contextlib
import ipaddress
import struct
from collections.abc import AsyncGenerator

from typing_extensions import override

_HEADER = struct.Struct("!HHHHHH")
_ANSWER = struct.Struct("!HHHIH4s")
_ANSWERED = 0x8180
_NO_SUCH_NAME = 3
_ADDRESS_OF_IPV4 = 1
# The name of an answer: where the question begins.
_SAME_NAME = 0xC000 | _HEADER.size
LOOPBACK = ipaddress.IPv4Address("127.0.0.1").packed


class Names(asyncio.DatagramProtocol):
    """Answers questions for IPv4 addresses (RFC 1035) by loopback, while it knows the name."""

    def __init__(self) -> None:
        """Know no name."""
        self.known: set[str] = set()
        self.asked_at: list[float] = []
        """When addresses were asked for, by the event loop's clock, seconds."""
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator["Names"]:
        """Answer beside the body."""
        bound = ("127.0.0.1", self.port)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=bound)
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        try:
            yield self
        finally:
            transport.close()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        number = _HEADER.unpack_from(data)[0]
        labels, end = [], _HEADER.size
        while length := data[end]:
            labels.append(data[end + 1 : end + 1 + length].decode())
            end += 1 + length
        kind = int.from_bytes(data[end + 1 : end + 3])
        question = data[_HEADER.size : end + 5]
        known = ".".join(labels) in self.known
        found = b""
        if kind == _ADDRESS_OF_IPV4:
            self.asked_at.append(asyncio.get_running_loop().time())
            found = _ANSWER.pack(_SAME_NAME, kind, 1, 0, len(LOOPBACK), LOOPBACK) if known else b""
        flags = _ANSWERED | (0 if known else _NO_SUCH_NAME)
        self._transport.sendto(_HEADER.pack(number, flags, 1, bool(found), 0, 0) + question + found, addr)
