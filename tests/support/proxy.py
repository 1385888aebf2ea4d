"""A wire that can be cut: TCP passed on to a server, or not."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

CHUNK_BYTES = 64 * 1024


class Proxy:
    """Listens on a port of its own that stays the same, and passes on to another."""

    def __init__(self, target_port: int, *, delay_seconds: float = 0.0) -> None:
        """Pass on to `target_port` on loopback, each piece after a delay."""
        self._target_port = target_port
        self._delay_seconds = delay_seconds
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.accepted = 0
        """Connections so far."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator["Proxy"]:
        """Pass on beside the body."""
        await self.mend()
        try:
            yield self
        finally:
            await self.cut()

    async def mend(self) -> None:
        """Pass on (again)."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        # Not by the task: one that is cancelled before it has begun does nothing, and leaves a wire that is silent.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            return
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            far_writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)  # noqa: TID251 - a real wire, in real time
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()
