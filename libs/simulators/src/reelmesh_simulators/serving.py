"""A vendor on a socket: dialects answer requests; what is spoilt breaks the connection as it would break outside."""

import asyncio
import contextlib
import dataclasses
import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import uvicorn
from starlette import applications, exceptions, requests, responses, routing
from uvicorn.protocols.http import h11_impl

from reelmesh_simulators import admin, vendor, webhooks
from reelmesh_simulators.faults import Fault

LOOPBACK = "127.0.0.1"
_PIECE_BYTES = 64 * 1024
_BAD_GATEWAY = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
_PROXY_BUSY = "<html><head><title>429 Too Many Requests</title></head><body>429 Too Many Requests</body></html>"

_FAULTS_OF_NOBODY: Mapping[Fault, Callable[[], responses.Response]] = {
    Fault.PROXY_ERROR: lambda: responses.HTMLResponse(_BAD_GATEWAY, 502),
    Fault.ACCEPT_502: lambda: responses.HTMLResponse(_BAD_GATEWAY, 502),
    Fault.ACCEPT_BUSY: lambda: responses.HTMLResponse(_PROXY_BUSY, 429),
    Fault.SERVER_ERROR: lambda: responses.PlainTextResponse("Internal Server Error", 500),
    Fault.ACCEPT_GARBAGE: lambda: responses.Response(b'{"id": "', 200, media_type="application/json"),
    Fault.POLL_GARBAGE: lambda: responses.Response(b'{"status": ', 200, media_type="application/json"),
}
_DROPPED = frozenset({Fault.VANISH, Fault.ACCEPT_DROP, Fault.POLL_DROP})


class Dialect(Protocol):
    """How one vendor speaks."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        ...

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in the vendor's own words what went wrong, of what is not the connection's or a proxy's doing."""
        ...

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is no such job, or no such address."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """A vendor that answers at `url`."""

    vendor: vendor.Vendor
    url: str


def application(dialect: Dialect, seller: vendor.Vendor) -> applications.Starlette:
    """Return what answers: the dialect's routes, and those of who runs the simulator under `/_sim`."""

    async def on_spoilt(request: requests.Request, error: Exception) -> responses.Response:
        spoilt = cast(vendor.Spoiled, error)
        if spoilt.fault in _DROPPED:
            return Dropped(request)
        if spoilt.fault is Fault.ACCEPT_HALF:
            return Dropped(request, b'{"id": "')
        answer = _FAULTS_OF_NOBODY.get(spoilt.fault)
        return answer() if answer else dialect.spoilt(spoilt)

    async def on_unknown(request: requests.Request, error: Exception) -> responses.Response:
        del request
        return dialect.unknown(str(error))

    async def on_address(request: requests.Request, error: Exception) -> responses.Response:
        if cast(exceptions.HTTPException, error).status_code != 404:
            return responses.PlainTextResponse(str(error), cast(exceptions.HTTPException, error).status_code)
        return dialect.unknown(f"{request.method} {request.url.path}")

    return applications.Starlette(
        routes=[*admin.routes(seller), *dialect.routes()],
        exception_handlers={
            vendor.Spoiled: on_spoilt,
            vendor.Unknown: on_unknown,
            exceptions.HTTPException: on_address,
        },
    )


class Dropped(responses.Response):
    """No answer, or the beginning of one: the connection is reset."""

    def __init__(self, request: requests.Request, begun: bytes = b"") -> None:
        """Send only `begun` of what would be longer."""
        super().__init__(begun)
        self._request = request
        self._begun = begun

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hang up."""
        if self._begun:
            await _begin(send, 200, len(self._begun) + 100, "application/json")
            await send({"type": "http.response.body", "body": self._begun, "more_body": True})
        hang_up(self._request)


class Bytes(responses.Response):
    """The bytes of a clip; `truncated` announces all of them, sends half, and hangs up."""

    def __init__(self, request: requests.Request, content: bytes, media_type: str, *, truncated: bool = False) -> None:
        """Answer with `content`."""
        super().__init__(content, media_type=media_type)
        self._request = request
        self._truncated = truncated

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it in pieces."""
        content = bytes(self.body)
        await _begin(send, 200, len(content), str(self.media_type))
        end = len(content) // 2 if self._truncated else len(content)
        for start in range(0, end, _PIECE_BYTES):
            await send(
                {
                    "type": "http.response.body",
                    "body": content[start : min(start + _PIECE_BYTES, end)],
                    "more_body": True,
                }
            )
        if self._truncated:
            hang_up(self._request)
        else:
            await send({"type": "http.response.body", "body": b""})


async def _begin(send: Any, status: int, length: int, media_type: str) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})


def hang_up(request: requests.Request) -> None:
    """Break the connection of a request: what is written has left, nothing follows."""
    transport: asyncio.Transport = request.scope["state"]["transport"]
    transport.close() if transport.get_write_buffer_size() else transport.abort()


async def body_of(request: requests.Request) -> Any:
    """Return a request's body as JSON; None where it is none."""
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


class _Protocol(h11_impl.H11Protocol):
    """uvicorn's, whose requests know the connection that they came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def serve(
    dialect: Dialect, seller: vendor.Vendor, *, port: int = 0, host: str = LOOPBACK
) -> AsyncGenerator[Served]:
    """Answer on a port of an IPv4 address of this machine, 0 for a free one, while the context is open."""
    config = uvicorn.Config(
        application(dialect, seller),
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
        ws="none",
        http=cast(type[asyncio.Protocol], _Protocol),
    )
    server = _Server(config)
    with socket.create_server((host, port), backlog=1024) as listener:
        # Connections inherit it. Without it the body of an answer waits 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound: int = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]), name=f"{dialect.name} on port {bound}")
        try:
            async with _telling(dialect, seller):
                yield Served(seller, f"http://{host}:{bound}")
        finally:
            server.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def _telling(dialect: Dialect, seller: vendor.Vendor) -> AsyncGenerator[None]:
    """Tell of the ends of jobs, where the dialect does."""
    if not isinstance(dialect, webhooks.Telling):
        yield
        return
    teller = webhooks.Teller(seller, dialect)
    seller.on_job = teller.watch
    try:
        yield
    finally:
        await teller.stop()
