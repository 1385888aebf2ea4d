"""The admin port of a process: plain HTTP for those who watch it, beside the port on which it works."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Mapping

from prometheus_client import exposition
from starlette import applications, requests, responses, routing

from reelmesh_kit import health, process, web

CONNECTIONS_LIMIT = 64


@contextlib.asynccontextmanager
async def serve(own: process.Chassis, host: str, port: int) -> AsyncGenerator[int]:
    """Serve `application` while the body runs; yield the bound port.

    Opened before everything else and so closed last: it tells of the drain while it goes on.

    Raises:
        process.CannotStart: the port cannot be bound.
    """
    serving = web.serve(
        application(own), host, port, variable="REELMESH_ADMIN_PORT", connections_limit=CONNECTIONS_LIMIT
    )
    async with serving as bound_port:
        yield bound_port


def application(own: process.Chassis) -> applications.Starlette:
    """Return the admin port's three paths as an ASGI application.

    GET /live: 200 as long as the event loop turns. GET /ready: 200, or 503 also for who leaves, with the checks as
    JSON. GET /metrics: OpenMetrics with exemplars if the Accept header asks for it, else Prometheus text.
    """

    async def live(request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse({"service": own.service, "live": True})

    async def readiness(request: requests.Request) -> responses.Response:
        del request
        report = await own.health.report()
        checks = {name: _shown(result) for name, result in report.checks.items()}
        ready = report.ready and not own.health.leaving
        body = {"service": own.service, "ready": ready, "checks": checks}
        if own.health.leaving:
            body["leaving"] = True
        return responses.JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(request: requests.Request) -> responses.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return responses.Response(encode(own.telemetry.registry), headers={"content-type": content_type})

    paths = {"/live": live, "/ready": readiness, "/metrics": metrics}
    return applications.Starlette(routes=[routing.Route(path, endpoint) for path, endpoint in paths.items()])


def _shown(result: health.CheckResult) -> Mapping[str, object]:
    since = None if result.since is None else result.since.isoformat(timespec="seconds").replace("+00:00", "Z")
    return dataclasses.asdict(result) | {"since": since}
