"""A wire that is cut breaks for everybody: nobody who has just connected waits on a connection that nobody reads."""

import asyncio
import contextlib

import pytest

from tests.support import proxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(1000):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_connects_as_it_is_cut_is_told_so(turns: int) -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, proxy.Proxy(server.sockets[0].getsockname()[1]).running() as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        for _ in range(turns):
            # One turn of the event loop: accepted, begun, connected to the far side, and so on.
            await asyncio.wait({asyncio.ensure_future(_nothing())})
        await wire.cut()
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5.0) == b""
        writer.close()


async def test_it_passes_on_again_when_it_is_mended() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, proxy.Proxy(server.sockets[0].getsockname()[1]).running() as wire:
        port = wire.port
        await wire.cut()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        await wire.mend()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"there")
        assert await reader.readexactly(5) == b"there"
        writer.close()


async def _nothing() -> None:
    """Take one turn."""
