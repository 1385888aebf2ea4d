"""Serving an application on real sockets: what requests know of each other, and how many connections there may be."""

import asyncio
import contextlib
import contextvars
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from reelmesh_kit import clock, web
from starlette import responses

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LIMIT = 3

who: contextvars.ContextVar[int] = contextvars.ContextVar("who")


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_request_knows_nothing_of_the_one_before_it_on_its_connection() -> None:
    knew: list[int | None] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        knew.append(who.get(None))
        who.set(len(knew))
        await nothing(scope, receive, send)

    # Sent at once, the later ones are begun in the middle of the end of those before.
    async with web.serve(application, "127.0.0.1", 0, variable="PORT") as port, connected(port) as (reader, writer):
        writer.write(ASK + ASK + LAST)
        answers = await reader.read()

    assert (answers.count(b"HTTP/1.1 204 "), knew) == (3, [None, None, None])


async def test_a_connection_is_kept_for_its_next_request_and_not_for_ever() -> None:
    time = clock.SystemClock()
    serving = web.serve(nothing, "127.0.0.1", 0, variable="PORT", keep_alive_seconds=1)
    async with serving as port, connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(ASK)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
            await time.sleep(0.5)
        # Twice half a second has passed, and it is still there: what counts is the pause.
        writer.write(ASK)
        answered = time.elapsed()
        assert (await reader.read()).startswith(b"HTTP/1.1 204 ")

    assert 0.9 <= time.elapsed() - answered <= 20.0


async def test_one_connection_too_many_is_told_so_by_the_words_that_were_given() -> None:
    def refuse(status: int, problem: str) -> responses.Response:
        return responses.JSONResponse({"status": status, "problem": problem}, status_code=status)

    serving = web.serve(nothing, "127.0.0.1", 0, variable="PORT", connections_limit=LIMIT, refuse=refuse)
    async with serving as port, contextlib.AsyncExitStack() as held:
        for _ in range(LIMIT):
            await held.enter_async_context(connected(port))
        async with connected(port) as (reader, writer):
            writer.write(ASK)
            refused = await reader.read()
        await held.aclose()
        async with connected(port) as (reader, writer):
            writer.write(LAST)
            served = await reader.read()

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in refused
    assert b'{"status":503,"problem":"Too many connections' in refused
    assert served.startswith(b"HTTP/1.1 204 ")


async def test_on_many_connections_too_many_it_is_hung_up_at_once() -> None:
    serving = web.serve(nothing, "127.0.0.1", 0, variable="PORT", connections_limit=LIMIT)
    async with serving as port, contextlib.AsyncExitStack() as held:
        readers = [
            (await held.enter_async_context(connected(port)))[0] for _ in range(LIMIT + web.REFUSED_CONNECTIONS_LIMIT)
        ]
        async with connected(port) as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert not any(each.at_eof() for each in readers)


@pytest.mark.parametrize("sent", [b"\x00\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * (web.HEAD_LIMIT_BYTES + 1)])
async def test_who_goes_on_sending_after_a_refusal_still_reads_it(sent: bytes) -> None:
    async with web.serve(nothing, "127.0.0.1", 0, variable="PORT") as port, connected(port) as (reader, writer):
        writer.write(sent)
        await reader.readuntil(b"HTTP/1.1 4")
        for _ in range(20):
            writer.write(b"x" * 50_000)
            await writer.drain()
            await clock.SystemClock().sleep(0)
        assert b"\r\n\r\n" in await reader.read()


SERVE = """
import asyncio, logging, resource, sys
from reelmesh_kit import web
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
logging.basicConfig(stream=sys.stdout, format="%(message)s")
async def main():
    async with web.serve(None, "127.0.0.1", 0, variable="PORT", connections_limit=wanted):
        print(*resource.getrlimit(resource.RLIMIT_NOFILE))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "said"),
    [
        (400, 500, 50, ["400 500"]),
        (400, 4096, 1000, ["1320 4096"]),
        (
            400,
            500,
            1000,
            [
                "The system allows 500 open files: 180 connections instead of 1000. Raise its limit (ulimit -n).",
                "500 500",
            ],
        ),
    ],
)
def test_a_server_asks_for_the_files_that_it_needs_and_takes_no_more_connections_than_it_gets(
    soft: int, hard: int, wanted: int, said: list[str]
) -> None:
    command = [sys.executable, "-c", SERVE, *map(str, (soft, hard, wanted))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == said
