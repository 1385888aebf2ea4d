"""Many clients that are slow, silent or do not read, at both doors at once: each has an end, and others are served."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from reelmesh_kit import clock, web
from reelmesh_kit.rpc import limits

from tests.corpus import images
from tests.corpus import mesh as meshes
from tests.support import raw_http2

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.timeout(meshes.TEST_SECONDS)]

OF_EACH = 40
DRIP_SECONDS = 0.5
# What a download may hold whose caller does not read; the setting of how many there may be says the same.
DOWNLOAD_LIMIT_BYTES = 3 * 1024 * 1024
# Beyond a limit, on a machine that is busy with other things.
MORE_SECONDS = 30.0
TIME = clock.SystemClock()
CREATE = "/reelmesh.v1.GenerationService/CreateGeneration"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Slow = Callable[[meshes.Corpus, Stream], Awaitable[None]]


async def dripped(writer: asyncio.StreamWriter, content: bytes) -> None:
    """Send byte by byte, until nobody takes it any more."""
    with contextlib.suppress(ConnectionError):
        for place in range(len(content)):
            writer.write(content[place : place + 1])
            await writer.drain()
            await TIME.sleep(DRIP_SECONDS)


def head(corpus: meshes.Corpus, line: str, *fields: str) -> bytes:
    """Return the head of a request with a key."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", f"X-API-Key: {corpus.mesh.key}", *fields, "", ""]).encode()


async def hung_up(reader: asyncio.StreamReader) -> bytes:
    """Read to the end, whether it is a good one or not."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


async def silent(corpus: meshes.Corpus, stream: Stream) -> None:
    assert await hung_up(stream[0]) == b""


async def drips_its_head(corpus: meshes.Corpus, stream: Stream) -> None:
    dripping = asyncio.create_task(dripped(stream[1], head(corpus, f"GET {meshes.GENERATIONS}") * 10))
    assert await hung_up(stream[0]) == b""
    dripping.cancel()


async def stays_after_its_answer(corpus: meshes.Corpus, stream: Stream) -> None:
    stream[1].write(head(corpus, "GET /health"))
    assert (await hung_up(stream[0])).startswith(b"HTTP/1.1 200 ")


async def goes_on_after_a_refusal(corpus: meshes.Corpus, stream: Stream) -> None:
    stream[1].write(b"POST /api/v1/assets HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
    dripping = asyncio.create_task(dripped(stream[1], b"x" * 1000))
    assert (await hung_up(stream[0])).startswith(b"HTTP/1.1 401 ")
    dripping.cancel()


async def stops_in_its_upload(corpus: meshes.Corpus, stream: Stream) -> None:
    stream[1].write(head(corpus, f"POST {meshes.ASSETS}", "Content-Length: 1000000") + images.encoded("PNG")[:100])
    assert (await hung_up(stream[0])).startswith(b"HTTP/1.1 408 ")


ENDED: tuple[Slow, ...] = (
    silent,
    drips_its_head,
    stays_after_its_answer,
    goes_on_after_a_refusal,
    stops_in_its_upload,
)


async def test_slow_clients_by_http_have_an_end_while_others_are_served(corpus: meshes.Corpus) -> None:
    host, port = corpus.url.removeprefix("http://").split(":")
    longest = max(web.HEAD_SECONDS, meshes.UPLOAD_SECONDS, meshes.KEEP_ALIVE_SECONDS)

    async def ended(slow: Slow) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(writer):
            async with asyncio.timeout(longest + MORE_SECONDS):
                await slow(corpus, (reader, writer))

    clients = [asyncio.create_task(ended(slow)) for slow in ENDED for _ in range(OF_EACH)]
    await served_meanwhile(corpus, clients)


async def test_slow_clients_by_grpc_have_an_end_while_others_are_served(corpus: meshes.Corpus) -> None:
    longest = max(limits.HANDSHAKE_SECONDS, limits.MESSAGE_SECONDS)

    async def silent_too() -> None:
        async with raw_http2.connected(corpus.grpc_target) as connection, asyncio.timeout(longest + MORE_SECONDS):
            await connection.hung_up()

    async def no_message() -> None:
        async with raw_http2.connected(corpus.grpc_target) as connection, asyncio.timeout(longest + MORE_SECONDS):
            await connection.hello()
            await connection.send(raw_http2.head(raw_http2.call(CREATE)))
            assert await connection.status() == 4

    clients = [asyncio.create_task(slow()) for slow in (silent_too, no_message) for _ in range(OF_EACH)]
    await served_meanwhile(corpus, clients)


async def test_callers_who_do_not_read_do_not_fill_the_memory(corpus: meshes.Corpus) -> None:
    """They are ended after READER_SILENCE_SECONDS, for which nobody waits here (tests/unit/gateway/test_limits.py)."""
    host, port = corpus.url.removeprefix("http://").split(":")
    uploaded = await corpus.http.post(meshes.ASSETS, content=images.noise(1500, 1500))
    assert uploaded.json()["size_bytes"] > 2**20
    path = f"{meshes.ASSETS}/{uploaded.json()['id']}/content"
    before = corpus.memory_bytes()
    async with contextlib.AsyncExitStack() as held:
        for _ in range(OF_EACH):
            _, writer = await asyncio.open_connection(host, int(port))
            held.callback(writer.close)
            # Pipelined: they ask for ten and take none.
            writer.write(head(corpus, f"GET {path}") * 10)
            await writer.drain()
        for _ in range(20):
            await corpus.answers()
            assert corpus.memory_bytes() - before <= OF_EACH * DOWNLOAD_LIMIT_BYTES
            await TIME.sleep(0.1)
    # The allocator gives back little of what was held in small pieces: what comes after is compared with a new process.
    await corpus.restart()


async def served_meanwhile(corpus: meshes.Corpus, clients: list[asyncio.Task[None]]) -> None:
    """Assert that good requests are answered until all others have ended as they should."""
    served = 0
    while not all(client.done() for client in clients):
        await corpus.still_well()
        served += 1
        await TIME.sleep(0.1)
    for client in clients:
        client.result()
    assert served > 10
    await corpus.still_well()
