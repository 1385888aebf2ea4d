"""A small HTTP/1.1 server that counts what really arrived: connections, headers, and requests that were complete."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

ANSWER = b'{"id": "job-1"}'
SEPARATOR = b"\r\n\r\n"


@dataclass
class Arrivals:
    """What arrived so far."""

    url: str = ""
    connections: int = 0
    headers: list[bytes] = field(default_factory=list[bytes])
    bodies: list[bytes] = field(default_factory=list[bytes])
    partial_bytes: int = 0


@contextlib.asynccontextmanager
async def counting_server(*, keep_alive: bool = True) -> AsyncIterator[Arrivals]:
    """Serve on a free loopback port: each complete request is answered with a job's id."""
    arrivals = Arrivals()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrivals.connections += 1
        try:
            while await _one(reader, writer, arrivals, keep_alive=keep_alive):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    arrivals.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/videos"
    try:
        yield arrivals
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        if running:
            await asyncio.wait(running)
        await server.wait_closed()


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, arrivals: Arrivals, *, keep_alive: bool
) -> bool:
    headers = await reader.readuntil(SEPARATOR)
    arrivals.headers.append(headers)
    length = next(
        (int(line.split(b":")[1]) for line in headers.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    body = b""
    while len(body) < length:
        chunk = await reader.read(length - len(body))
        if not chunk:
            arrivals.partial_bytes += len(body)
            return False
        body += chunk
    arrivals.bodies.append(body)
    connection = b"keep-alive" if keep_alive else b"close"
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: %s\r\ncontent-length: %d\r\n\r\n%s"
        % (connection, len(ANSWER), ANSWER)
    )
    await writer.drain()
    return keep_alive
