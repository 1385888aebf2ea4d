"""Serving an ASGI application on a port of the process: under the process's signals and within its lifetime."""

import asyncio
import contextlib
import functools
import http
import logging
import os
import resource
import socket
import ssl
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

import h11
import uvicorn
from starlette import responses, types
from uvicorn.protocols.http import h11_impl

from reelmesh_kit import process, security

OPEN_CONNECTIONS_LIMIT = 1024
CLOSE_SECONDS = 1
KEEP_ALIVE_SECONDS = 5
# Who connects has this long to say what it wants.
HEAD_SECONDS = 10.0
HEAD_LIMIT_BYTES = 16 * 1024
FIELDS_LIMIT = 100
TARGET_LIMIT_BYTES = 8 * 1024
WAITING_CONNECTIONS_LIMIT = 128
# Connections beyond the limit that are told so, once they ask something; on further ones it is hung up at once.
REFUSED_CONNECTIONS_LIMIT = 64
# Files that a process has open besides connections to it: libraries, databases, calls of its own.
OTHER_FILES = 256
# What a caller still sends after it was refused is read for so long: hanging up at once would destroy the answer.
LINGER_SECONDS = 2.0

_LOGGER = logging.getLogger("reelmesh.kit.web")
_HEAD_TOO_LARGE = f"The head of the request has more than {HEAD_LIMIT_BYTES} bytes. Send shorter header fields."

Refuse = Callable[[int, str], responses.Response]
"""Makes the answer to what never reaches the application, from a status and a sentence."""


def plain(status: int, problem: str) -> responses.Response:
    """Refuse by plain text."""
    return responses.PlainTextResponse(problem, status_code=status)


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
    keep_alive_seconds: int = KEEP_ALIVE_SECONDS,
    refuse: Refuse = plain,
    leaving: Callable[[], bool] = bool,
    door: security.Door | None = None,
) -> AsyncGenerator[int]:
    """Serve `application` over HTTP/1.1 while the body runs; yield the bound port.

    Args:
        application: without lifespan events: resources are opened in the service's build().
        host: address to bind, IPv4, IPv6 or a name.
        port: 0 picks a free one.
        variable: the environment variable that sets the port, for the error's advice.
        close_seconds: how long open requests may go on once the body has ended; then they are cancelled.
        connections_limit: further ones are answered 503.
        head_seconds: a connection whose request's head is not complete by then is closed; by TLS so is one whose
            handshake is not.
        keep_alive_seconds: how long a connection is kept for its next request. Who sends on one that is being closed
            sees a request fail, unless it asks again, as those who read metrics do.
        refuse: makes the answer to what is no HTTP, to heads that are too large, and to one connection too many.
        leaving: whether callers should go elsewhere: each answer then ends its connection, so that nobody asks on one
            that is about to be closed.
        door: what is shown to callers who speak TLS, then nobody else is answered; in the clear if it has nothing.

    Raises:
        process.CannotStart: the port cannot be bound.
    """
    connections_limit = _fitting(connections_limit)
    threshold = _Door(application, refuse, connections_limit, leaving)
    protocol = functools.partial(_Protocol, head_seconds, refuse, connections_limit)
    if door is not None and door.certificate is not None:
        context = security.server_context(door.certificate)
        protocol = functools.partial(_Handshake, context, head_seconds, connections_limit, protocol)
    config = uvicorn.Config(
        threshold,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=close_seconds,
        timeout_keep_alive=keep_alive_seconds,
        server_header=False,
        # A request that follows another on its connection would act for the caller of that one, and in its trace.
        reset_contextvars=True,
        ws="none",
        h11_max_incomplete_event_size=HEAD_LIMIT_BYTES,
        http=cast(type[asyncio.Protocol], protocol),
    )
    with _listening(host, port, variable) as listener:
        bound_port: int = listener.getsockname()[1]
        server = _Server(config)
        threshold.connections = server.server_state.connections
        async with _served(server, listener):
            yield bound_port


class _Door:
    """Stands before the application: refuses one connection too many, and heads that came whole but are too large.

    The protocol refuses those that come in pieces, before they are complete; one read may hold a large head whole.
    """

    def __init__(
        self, application: types.ASGIApp, refuse: Refuse, connections_limit: int, leaving: Callable[[], bool]
    ) -> None:
        self.connections: set[Any] = set()
        self._leaving = leaving
        self._application = application
        self._refuse = refuse
        self._connections_limit = connections_limit

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        if len(self.connections) > self._connections_limit:
            refusal = self._refuse(503, "Too many connections are open at this moment. Try again; nothing was done.")
            refusal.headers["connection"] = "close"
        else:
            refusal = self._too_large(scope)
        await (refusal or self._application)(scope, receive, self._last(send) if self._leaving() else send)

    def _last(self, send: types.Send) -> types.Send:
        """Say with the answer that its connection ends."""

        async def sent(message: types.Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return sent

    def _too_large(self, scope: types.Scope) -> responses.Response | None:
        target_bytes = len(scope["raw_path"]) + len(scope["query_string"])
        if target_bytes > TARGET_LIMIT_BYTES:
            return self._refuse(414, f"The address has more than {TARGET_LIMIT_BYTES} bytes. Send a shorter one.")
        if len(scope["headers"]) > FIELDS_LIMIT:
            return self._refuse(431, f"The request has more than {FIELDS_LIMIT} header fields. Send fewer.")
        if target_bytes + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_LIMIT_BYTES:
            return self._refuse(431, _HEAD_TOO_LARGE)
        return None


class _Protocol(h11_impl.H11Protocol):
    """Hangs up on who connects and does not send a request's head, and refuses in the application's words.

    uvicorn alone would wait for ever, and refuse by plain text.
    """

    def __init__(
        self, head_seconds: float, refuse: Refuse, connections_limit: int, *arguments: Any, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self._head_seconds = head_seconds
        self._refuse = refuse
        self._connections_limit = connections_limit + REFUSED_CONNECTIONS_LIMIT
        self._hanging_up: asyncio.TimerHandle | None = None
        self._refused = False
        self.shaking: asyncio.Task[None] | None = None
        """By TLS: the handshake that comes before."""

    def shutdown(self) -> None:
        """End once what is answered is answered."""
        if self.shaking is not None and not self.shaking.done():
            self.shaking.cancel()
        else:
            super().shutdown()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._connections_limit:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if not self._refused:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 could not read. Called while its error is handled, which knows the status."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            error = sys.exception()
            status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
            answer = self._refuse(
                status, _HEAD_TOO_LARGE if status == 431 else f"This is no HTTP/1.1 request: {error}."
            )
            for event in (
                h11.Response(
                    status_code=status,
                    headers=[*answer.raw_headers, (b"connection", b"close")],
                    reason=http.HTTPStatus(status).phrase,
                ),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self._linger()
        else:
            # Half of an answer is out already: only a broken connection tells that it is half.
            self.transport.close()
        if cast(Any, self.cycle) is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _linger(self) -> None:
        self._refused = True
        self._unwatch()
        if self.transport.can_write_eof():
            # TLS cannot: there the pause alone keeps the answer.
            self.transport.write_eof()
        self._hanging_up = self.loop.call_later(LINGER_SECONDS, self.transport.close)

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


class _Handshake(asyncio.Protocol):
    """Shakes hands by TLS with who connects, for a protocol that counts among the connections from the beginning.

    A loop's own server by TLS tells nobody of a connection before that, and waits a minute for each.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        seconds: float,
        connections_limit: int,
        served: Callable[..., _Protocol],
        **own: Any,
    ) -> None:
        self._context = context
        self._seconds = seconds
        self._connections_limit = connections_limit + REFUSED_CONNECTIONS_LIMIT
        self._served = served(**own)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection over from the loop, which reads from it as soon as this returns."""
        connections = self._served.connections
        if len(connections) < self._connections_limit:
            with contextlib.suppress(OSError):
                accepted = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
                connections.add(self._served)
                self._served.shaking = asyncio.create_task(self._shake(accepted), name="tls handshake")
                self._served.shaking.add_done_callback(functools.partial(self._end, accepted))
        transport.abort()

    async def _shake(self, accepted: socket.socket) -> None:
        # Who is too slow, speaks no TLS or does not believe us is hung up on by the loop.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._served, accepted, ssl=self._context, ssl_handshake_timeout=self._seconds
            )

    def _end(self, accepted: socket.socket, shaken: asyncio.Task[None]) -> None:
        if cast(Any, self._served.transport) is None:
            self._served.connections.discard(self._served)
            accepted.close()


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


def _fitting(connections_limit: int) -> int:
    """Return how many connections the system lets us have open, having asked it for as many as are wanted.

    What has no file for the next connection has none for its database either.
    """
    beside = REFUSED_CONNECTIONS_LIMIT + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_limit + beside
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < wanted:
            fitting = max(soft - beside, 1)
            _LOGGER.warning(
                "The system allows %d open files: %d connections instead of %d. Raise its limit (ulimit -n).",
                *(soft, fitting, connections_limit),
            )
            return fitting
    return connections_limit
