"""The HTTP server, over real connections."""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Iterator

from reelmesh_kit import web
from starlette import responses, types


async def answer(scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
    """Say hello."""
    await responses.PlainTextResponse("hello")(scope, receive, send)


def sockets_of_this_process() -> Iterator[socket.socket]:
    """Yield a second handle on each socket that is open here."""
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as found:
                    yield found


def far_end_of(near: socket.socket) -> Iterator[socket.socket]:
    """Yield the server's end of a connection to a server in this process."""
    for found in sockets_of_this_process():
        with contextlib.suppress(OSError):
            if found.getpeername() == near.getsockname():
                yield found


async def test_answers_are_sent_at_once_and_not_held_back_for_company() -> None:
    async with web.serve(answer, "127.0.0.1", 0, variable="PORT") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        # Otherwise the body, sent after the head, waits 40 ms for the caller's delayed acknowledgement.
        near: socket.socket = writer.get_extra_info("socket")
        assert [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 for end in far_end_of(near)] == [True]
        writer.close()
        await writer.wait_closed()


async def test_who_leaves_answers_as_ever_and_ends_the_connection_with_the_answer() -> None:
    leaving = asyncio.Event()
    async with web.serve(answer, "127.0.0.1", 0, variable="PORT", leaving=leaving.is_set) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(request)
        assert b"connection: close" not in await reader.readuntil(b"hello")
        leaving.set()
        writer.write(request)
        # To the end of the connection, which comes by itself.
        last = await reader.read()
        assert last.startswith(b"HTTP/1.1 200")
        assert b"connection: close\r\n" in last
        assert last.endswith(b"hello")
        writer.close()
        await writer.wait_closed()
