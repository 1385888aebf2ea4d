"""The gate inside httpx: leave is asked for between connecting and the first byte, and checked up to the last.

Needs the extra `reelmesh-provider[http]`. A create is sent as

    response = await gated_http.post(url, gate, json=…)

httpcore calls the request's `trace` extension after connecting (DNS, TCP, TLS) and right before the headers leave;
the body passes through a stream that checks before each piece and holds the last byte back for a check of its own.
That byte must be a write of its own: of a larger last write the kernel may have taken a part when the process froze,
and the event loop would send the rest after the thaw without asking. Its buffers are empty in between: the transport
below waits after each write until the kernel has taken everything.
"""

import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import httpx

from reelmesh_provider import errors, gate

GATE = "reelmesh.gate"
PIECE_BYTES = 64 * 1024
# What the kernel resends on its own is over after this; it stands in the D of the wait before "never created".
USER_TIMEOUT_MILLISECONDS = 10_000
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
# Vendors answer a create with an id, but some are warming up, or upload what they were sent; it may carry pictures.
CREATE_SECONDS = 120.0

_HEADERS = "http11.send_request_headers.started"
_BODY = "http11.send_request_body.started"
_Trace = Callable[[str, Mapping[str, object]], Awaitable[None]]


async def post(url: str, own: gate.Gate, **told: Any) -> httpx.Response:
    """Send one create through its gate, by a connection of its own; `told` is as for `httpx.AsyncClient.post`.

    Raises:
        errors.Dropped, errors.WindowPassed, errors.Unreachable, errors.GateMisused: as `GatedTransport` does.
        httpx.HTTPError: no answer came, or half of one: what became of it is unknown.
    """
    timeout = httpx.Timeout(CREATE_SECONDS, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(transport=GatedTransport(), timeout=timeout) as client:
        return await client.post(url, extensions={GATE: own}, **told)


def client() -> httpx.AsyncClient:
    """Return a client for everything that costs nothing; it keeps its connections."""
    return httpx.AsyncClient(timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS), verify=trust())


@functools.cache
def trust() -> ssl.SSLContext:
    """Return the certificate authorities that httpx trusts, read once: nothing else goes on meanwhile."""
    return httpx.create_ssl_context()


class GatedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over a fresh connection for each request; requests with the extension GATE pass through their gate.

    A connection is never used twice: a stale one that closes looks just like accept-then-drop. Requests without a
    gate (uploads before the create) pass as they are.
    """

    def __init__(self, *, verify: ssl.SSLContext | None = None) -> None:
        """Trust the certificate authorities that httpx does, or those of `verify`."""
        self._plain = httpx.AsyncHTTPTransport(
            http2=False,
            retries=0,
            limits=httpx.Limits(max_keepalive_connections=0),
            socket_options=_socket_options(),
            verify=verify or trust(),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, through its gate if it has one.

        Raises:
            errors.Dropped, errors.WindowPassed: from the gate; nothing that completes a request has left.
            errors.Unreachable: no connection; the gate was not used.
            errors.GateMisused: the request has no Content-Length, so that its last byte cannot be told.
        """
        own = cast(gate.Gate | None, request.extensions.get(GATE))
        if own is None:
            return await self._plain.handle_async_request(request)
        _require_length(request)
        stream = request.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise errors.GateMisused("A gated request needs an asynchronous body.")
        request.stream = CheckingStream(stream, own)
        request.extensions = {**request.extensions, "trace": _tracing(own, request.extensions.get("trace"))}
        try:
            return await self._plain.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if own.asked:
                raise
            raise errors.Unreachable(f"{type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Close the connections that are open."""
        await self._plain.aclose()


class CheckingStream(httpx.AsyncByteStream):
    """A request body that asks the gate before each piece, and once more before the last byte, which goes alone."""

    def __init__(self, stream: httpx.AsyncByteStream, own: gate.Gate) -> None:
        """Read from `stream`, ask `own`."""
        self._stream = stream
        self._gate = own

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces."""
        held = b""
        async for chunk in self._stream:
            for start in range(0, len(chunk), PIECE_BYTES):
                piece = held + chunk[start : start + PIECE_BYTES]
                held = piece[-1:]
                if len(piece) > 1:
                    self._gate.check()
                    yield piece[:-1]
        if held:
            self._gate.check()
            yield held

    async def aclose(self) -> None:
        """Close the body."""
        await self._stream.aclose()


def _tracing(own: gate.Gate, theirs: object) -> _Trace:
    async def trace(name: str, info: Mapping[str, object]) -> None:
        if theirs is not None:
            await cast(_Trace, theirs)(name, info)
        if name == _HEADERS:
            await own.begin()
        if name in (_HEADERS, _BODY):
            own.check()

    return trace


def _require_length(request: httpx.Request) -> None:
    if "content-length" not in request.headers and "transfer-encoding" in request.headers:
        raise errors.GateMisused("A gated request states its Content-Length: build its body before sending it.")


def _socket_options() -> list[tuple[int, int, int]]:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return []
    return [(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)]
