"""Serving an ASGI application on a port of the process: under the process's signals and within its lifetime."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import AsyncGenerator, Generator
from typing import Any, cast

import uvicorn
from starlette import types
from uvicorn.protocols.http import h11_impl

from reelmesh_kit import process

OPEN_CONNECTIONS_LIMIT = 1024
CLOSE_SECONDS = 1
KEEP_ALIVE_SECONDS = 5
# Who connects has this long to say what it wants.
HEAD_SECONDS = 10.0
WAITING_CONNECTIONS_LIMIT = 128


@contextlib.asynccontextmanager
async def serve(
    application: types.ASGIApp,
    host: str,
    port: int,
    *,
    variable: str,
    close_seconds: int = CLOSE_SECONDS,
    connections_limit: int = OPEN_CONNECTIONS_LIMIT,
    head_seconds: float = HEAD_SECONDS,
) -> AsyncGenerator[int]:
    """Serve `application` over HTTP/1.1 while the body runs; yield the bound port.

    Args:
        application: without lifespan events: resources are opened in the service's build().
        host: address to bind, IPv4, IPv6 or a name.
        port: 0 picks a free one.
        variable: the environment variable that sets the port, for the error's advice.
        close_seconds: how long open requests may go on once the body has ended; then they are cancelled.
        connections_limit: further ones are answered 503.
        head_seconds: a connection whose request's head is not complete by then is closed.

    Raises:
        process.CannotStart: the port cannot be bound.
    """
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=connections_limit,
        timeout_graceful_shutdown=close_seconds,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        server_header=False,
        http=cast(type[asyncio.Protocol], functools.partial(_Protocol, head_seconds)),
    )
    with _listening(host, port, variable) as listener:
        bound_port: int = listener.getsockname()[1]
        async with _served(_Server(config), listener):
            yield bound_port


class _Protocol(h11_impl.H11Protocol):
    """Hangs up on who connects and does not send a request's head: uvicorn alone would wait for ever."""

    def __init__(self, head_seconds: float, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._head_seconds = head_seconds
        self._hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        answering = cast(Any, self.cycle) is not None and not self.cycle.response_complete
        if answering:
            self._unwatch()
        elif self._hanging_up is None:
            self._hanging_up = self.loop.call_later(self._head_seconds, self.transport.close)

    def _unwatch(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the process, see `process.main`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.decided = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.decided.set()


@contextlib.asynccontextmanager
async def _served(server: _Server, listener: socket.socket) -> AsyncGenerator[None]:
    serving = asyncio.create_task(server.serve([listener]), name="http server")
    serving.add_done_callback(lambda _: server.decided.set())
    try:
        await server.decided.wait()
        if serving.done():
            serving.result()
        yield
    finally:
        server.should_exit = True
        await serving


def _listening(host: str, port: int, variable: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=WAITING_CONNECTIONS_LIMIT)
    except OSError as error:
        cause = (error.strerror or str(error)).partition(" (while")[0]
        raise process.CannotStart(
            f"Cannot listen on {host}:{port}: {cause}. Stop what uses the port, or set {variable} to a free one "
            "(0 picks one)."
        ) from error
    # Connections inherit it. asyncio would set it, but overlooks sockets whose protocol is not named.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
