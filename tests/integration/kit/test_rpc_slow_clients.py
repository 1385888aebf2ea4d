"""Clients that are slow, silent or wrong on the wire itself: named limits end them, and others are served meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import clock, process
from reelmesh_kit.rpc import limits

from tests.support import raw_http2, tiny_storage

STAT = f"/{tiny_storage.NAME}/StatAsset"
GOOD = storage_service_pb2.StatAssetRequest(asset_id="7").SerializeToString()
TIME = clock.SystemClock()
# Beyond a limit, on a machine that is busy with other things.
MORE_SECONDS = 20.0
OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL = 0, 4, 8, 13

Slow = Callable[[raw_http2.Connection], Awaitable[None]]


@pytest.fixture
async def target(chassis: process.Chassis) -> AsyncIterator[str]:
    async with tiny_storage.serving(chassis, tiny_storage.TinyStorage()) as serving:
        yield serving


async def dripped(connection: raw_http2.Connection, content: bytes) -> None:
    """Send byte by byte, too slowly for any use."""
    for place in range(len(content)):
        await connection.send(content[place : place + 1])
        await TIME.sleep(0.9)


async def say_nothing(connection: raw_http2.Connection) -> None:
    await connection.hung_up()


async def drip_the_preface(connection: raw_http2.Connection) -> None:
    with contextlib.suppress(ConnectionError):
        await dripped(connection, raw_http2.PREFACE)
    await connection.hung_up()


async def speak_http1(connection: raw_http2.Connection) -> None:
    await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await connection.hung_up()


async def send_no_message(connection: raw_http2.Connection) -> None:
    await connection.hello()
    await connection.send(raw_http2.head(raw_http2.call(STAT)))
    assert await connection.status() == DEADLINE_EXCEEDED


async def drip_the_message(connection: raw_http2.Connection) -> None:
    await connection.hello()
    await connection.send(raw_http2.head(raw_http2.call(STAT)))
    ended = asyncio.create_task(connection.status())
    # Announces 100 bytes, and has sent a few of them by then.
    for byte in raw_http2.message(b"x" * 100):
        if ended.done():
            break
        await connection.send(raw_http2.frame(raw_http2.DATA, bytes([byte]), stream=1))
        await TIME.sleep(0.5)
    assert await ended == DEADLINE_EXCEEDED


@pytest.mark.slow
async def test_slow_and_silent_clients_are_ended_while_others_are_served(target: str) -> None:
    longest = max(limits.HANDSHAKE_SECONDS, limits.MESSAGE_SECONDS)

    async def ended(slow: Slow) -> float:
        began = TIME.elapsed()
        async with raw_http2.connected(target) as connection, asyncio.timeout(longest + MORE_SECONDS):
            await slow(connection)
        return TIME.elapsed() - began

    async with grpc.aio.insecure_channel(target) as channel:
        kinds = (say_nothing, drip_the_preface, speak_http1, send_no_message, drip_the_message)
        clients = [asyncio.create_task(ended(slow)) for slow in kinds for _ in range(20)]
        served = 0
        while not all(client.done() for client in clients):
            answer: bytes = await channel.unary_unary(STAT)(GOOD, timeout=MORE_SECONDS)
            assert storage_service_pb2.StatAssetResponse.FromString(answer).asset.id == "7"
            served += 1
            await TIME.sleep(0.1)
    assert [client.result() for client in clients]
    assert served > 10


async def one(target: str, head: bytes, content: bytes = GOOD) -> int:
    """Make one call by hand; return its status."""
    async with raw_http2.connected(target) as connection, asyncio.timeout(MORE_SECONDS):
        await connection.hello()
        await connection.send(
            raw_http2.head(head),
            raw_http2.frame(raw_http2.DATA, raw_http2.message(content), flags=raw_http2.END_STREAM, stream=1),
        )
        return await connection.status()


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (b"10S", {OK}),
        (b"99999999H", {OK}),
        (b"9" * 100 + b"H", {OK}),
        # Nobody is that fast, but the answer may be under way when somebody looks at the clock.
        (b"0n", {OK, DEADLINE_EXCEEDED}),
        (b"1n", {OK, DEADLINE_EXCEEDED}),
        # What is no timeout gRPC itself refuses.
        (b"-1S", {INTERNAL}),
        (b"soon", {INTERNAL}),
    ],
)
async def test_absurd_deadlines_harm_nobody(target: str, timeout: bytes, expected: set[int]) -> None:
    assert await one(target, raw_http2.call(STAT, grpc_timeout=timeout)) in expected
    assert await one(target, raw_http2.call(STAT)) == OK


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, OK),
        ({"x_small": b"a" * 1000}, OK),
        ({"x_large": b"a" * (limits.METADATA_LIMIT_BYTES + 1)}, RESOURCE_EXHAUSTED),
        ({"x_huge": b"a" * 8_000_000}, RESOURCE_EXHAUSTED),
        ({f"x_{number}": b"" for number in range(10_000)}, RESOURCE_EXHAUSTED),
        ({"reelmesh_tenant": b"%ff%00%"}, OK),
        ({"traceparent": b"00-zz"}, OK),
        ({"x_latin": b"\xe9"}, None),
        ({"x_nul": b"a\0b"}, None),
        ({"x_line": b"a\r\nb"}, None),
    ],
)
async def test_metadata_of_any_kind_harms_nobody(target: str, more: dict[str, bytes], expected: int | None) -> None:
    try:
        got = await one(target, raw_http2.call(STAT, **more))
    except ConnectionError:
        got = None
    assert got == expected or expected is None
    assert await one(target, raw_http2.call(STAT)) == OK


async def test_a_message_that_claims_to_be_huge_is_refused_before_it_comes(target: str) -> None:
    async with raw_http2.connected(target) as connection, asyncio.timeout(MORE_SECONDS):
        await connection.hello()
        await connection.send(
            raw_http2.head(raw_http2.call(STAT)),
            raw_http2.frame(raw_http2.DATA, b"\0\xff\xff\xff\xff" + b"x" * 100, stream=1),
        )
        assert await connection.status() == RESOURCE_EXHAUSTED


async def test_connections_have_an_end_and_come_back(target: str) -> None:
    async with contextlib.AsyncExitStack() as held:
        for _ in range(limits.CONNECTIONS_LIMIT):
            connection = await held.enter_async_context(raw_http2.connected(target))
            await connection.hello()
            await connection.until(b".")
        async with raw_http2.connected(target) as refused, asyncio.timeout(MORE_SECONDS):
            await refused.hung_up()
        assert refused.came == b""
    while True:
        with contextlib.suppress(ConnectionError):
            assert await one(target, raw_http2.call(STAT)) == OK
            break
