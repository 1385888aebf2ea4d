"""Serving an application by TLS: renewed certificates, and callers who are slow, too many, or speak something else."""

import asyncio
import contextlib
import functools
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from reelmesh_kit import process, security, web

from tests.support import bus_work, certificates

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LIMIT = 2
# Half of what asyncio would wait for a handshake.
PATIENCE_SECONDS = 30.0


async def scheme(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> certificates.Authority:
    return certificates.Authority(tmp_path)


@contextlib.asynccontextmanager
async def serving(
    chassis: process.Chassis, authority: certificates.Authority, **more: Any
) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """Serve by TLS; yield the port, and what believes it."""
    pair = authority.issue("public")
    files = security.Tls(security.File(pair.certificate, "CERTIFICATE"), security.File(pair.key, "KEY"))
    door = security.Door(security.Renewed(files, chassis.clock, chassis.logger))
    async with web.serve(scheme, "127.0.0.1", 0, variable="PORT", door=door, **more) as port:
        yield port, ssl.create_default_context(cafile=str(authority.file))


@contextlib.asynccontextmanager
async def connected(
    port: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answered(port: int, context: ssl.SSLContext) -> bytes:
    async with connected(port, context) as (reader, writer):
        writer.write(LAST)
        return await reader.read()


async def hung_up(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


def serial_number(port: int, context: ssl.SSLContext) -> int:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        shown = wrapped.getpeercert(binary_form=True)
        assert shown
        return certificates.serial_number(ssl.DER_cert_to_PEM_cert(shown).encode())


async def test_a_renewed_certificate_is_shown_without_a_restart(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis, authority) as (port, context):
        shown = functools.partial(asyncio.to_thread, serial_number, port, context)
        before = await shown()
        after = certificates.serial_number(authority.issue("public").certificate.read_bytes())

        async def is_renewed() -> bool:
            return await shown() == after

        assert before != after
        await bus_work.until(chassis.clock, is_renewed, PATIENCE_SECONDS)
        assert b"https" in await answered(port, context)


async def test_what_comes_with_the_end_of_the_handshake_is_answered(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    def ask(port: int, context: ssl.SSLContext) -> bytes:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        ours = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as plain:
            while True:
                try:
                    ours.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
            ours.write(LAST)
            # Its last word and the request at once.
            plain.sendall(outgoing.read())
            while True:
                try:
                    return ours.read(65536)
                except ssl.SSLWantReadError:
                    incoming.write(plain.recv(65536))

    async with serving(chassis, authority) as (port, context):
        assert (await asyncio.to_thread(ask, port, context)).startswith(b"HTTP/1.1 200 ")


async def test_who_does_not_shake_hands_in_time_is_hung_up_on(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis, authority, head_seconds=0.2) as (port, _), connected(port) as (reader, _):
        await hung_up(reader)


async def test_who_shakes_hands_and_asks_nothing_is_hung_up_on(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis, authority, head_seconds=2.0) as (port, own), connected(port, own) as (reader, _):
        await hung_up(reader)


async def test_who_has_not_shaken_hands_counts_among_the_connections(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis, authority, connections_limit=LIMIT) as (port, context):
        async with contextlib.AsyncExitStack() as held:
            for _ in range(LIMIT):
                await held.enter_async_context(connected(port))
            assert (await answered(port, context)).startswith(b"HTTP/1.1 503 ")

        async def is_served() -> bool:
            return (await answered(port, context)).startswith(b"HTTP/1.1 200 ")

        await bus_work.until(chassis.clock, is_served, PATIENCE_SECONDS)


async def test_on_many_who_have_not_shaken_hands_it_is_hung_up_at_once(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    many = serving(chassis, authority, connections_limit=LIMIT, head_seconds=600.0)
    async with many as (port, _), contextlib.AsyncExitStack() as held:
        readers = [
            (await held.enter_async_context(connected(port)))[0] for _ in range(LIMIT + web.REFUSED_CONNECTIONS_LIMIT)
        ]
        async with connected(port) as (reader, _):
            await hung_up(reader)
        assert not any(each.at_eof() for each in readers)


async def test_who_speaks_no_tls_or_does_not_believe_us_is_hung_up_on_and_forgotten(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis, authority, connections_limit=1, head_seconds=600.0) as (port, context):
        async with connected(port) as (reader, writer):
            writer.write(LAST)
            with contextlib.suppress(ConnectionError):
                # At most the alert of TLS.
                assert b"HTTP" not in await reader.read()
        with pytest.raises(ssl.SSLError):
            await answered(port, ssl.create_default_context())

        async def is_served() -> bool:
            return (await answered(port, context)).startswith(b"HTTP/1.1 200 ")

        await bus_work.until(chassis.clock, is_served, PATIENCE_SECONDS)


async def test_a_server_stops_while_hands_are_shaken(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with contextlib.AsyncExitStack() as later:
        async with serving(chassis, authority, head_seconds=600.0) as (port, _):
            reader, _ = await later.enter_async_context(connected(port))
        await hung_up(reader)
