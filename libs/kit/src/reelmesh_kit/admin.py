"""The admin port of a process: plain HTTP for those who watch it, beside the port on which it works."""

import asyncio
import contextlib
import dataclasses
import os
import socket
from collections.abc import AsyncGenerator, Generator

import uvicorn
from prometheus_client import exposition
from starlette import applications, requests, responses, routing, types

from reelmesh_kit import process

OPEN_REQUESTS_LIMIT = 64
CLOSE_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 5
WAITING_CONNECTIONS_LIMIT = 128


@contextlib.asynccontextmanager
async def serve(own: process.Chassis, host: str, port: int) -> AsyncGenerator[int]:
    """Serve /live, /ready and /metrics while the body runs; yield the bound port.

    Opened before everything else and so closed last: it tells of the drain while it goes on.

    Raises:
        process.CannotStart: the port cannot be bound.
    """
    with _listening(host, port, "REELMESH_ADMIN_PORT") as listener:
        async with _served(application(own), listener):
            yield listener.getsockname()[1]


def application(own: process.Chassis) -> applications.Starlette:
    """Return the three paths as an ASGI application.

    GET /live: 200 as long as the event loop turns. GET /ready: 200 or 503, with the checks as JSON. GET /metrics:
    OpenMetrics with exemplars if the Accept header asks for it, else Prometheus text.
    """

    async def live(request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse({"service": own.service, "live": True})

    async def ready(request: requests.Request) -> responses.Response:
        del request
        report = await own.health.report()
        body = {"service": own.service} | dataclasses.asdict(report)
        return responses.JSONResponse(body, status_code=200 if report.ready else 503)

    async def metrics(request: requests.Request) -> responses.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return responses.Response(encode(own.telemetry.registry), headers={"content-type": content_type})

    return applications.Starlette(
        routes=[
            routing.Route("/live", live),
            routing.Route("/ready", ready),
            routing.Route("/metrics", metrics),
        ]
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the process, see `process.main`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_started.set()


@contextlib.asynccontextmanager
async def _served(app: types.ASGIApp, listener: socket.socket) -> AsyncGenerator[None]:
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            limit_concurrency=OPEN_REQUESTS_LIMIT,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            server_header=False,
        )
    )
    serving = asyncio.create_task(server.serve([listener]), name="admin port")
    try:
        await server.has_started.wait()
        yield
    finally:
        server.should_exit = True
        await serving


def _listening(host: str, port: int, variable: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING_CONNECTIONS_LIMIT)
    except OSError as error:
        raise process.CannotStart(
            f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. Stop what uses the port, or set {variable} to a free "
            "one (0 picks one)."
        ) from error
