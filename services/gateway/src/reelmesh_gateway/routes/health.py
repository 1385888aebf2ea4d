"""How the gateway and what it depends on are doing, for people and machines; needs no key."""

import datetime
from typing import Any

import fastapi
from prometheus_client import exposition

from reelmesh_gateway.model import condition
from reelmesh_gateway.routes import answers, front


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of health and metrics."""
    routes = fastapi.APIRouter(tags=["health"])

    @routes.get("/health")
    async def get_health() -> fastapi.Response:
        """Tell that the gateway answers."""
        return answers.answer({"status": condition.Condition.OK, "service": behind.own.service})

    @routes.get("/health/detailed", responses={503: {"description": "A needed service is down; the body says why."}})
    async def get_detailed_health() -> fastapi.Response:
        """Tell how each service behind is, part by part, since when, and why; 503 when a needed one is down."""
        draining = behind.own.health.draining
        seen = await behind.examining.latest()
        overall = condition.overall(seen, draining=draining)
        body = {
            "status": overall,
            "service": behind.own.service,
            "draining": draining,
            "dependencies": {each.look.service: _dependency(each) for each in seen},
        }
        return answers.answer(body, 503 if overall is condition.Condition.DOWN else 200)

    @routes.get("/metrics", response_class=fastapi.responses.PlainTextResponse)
    async def get_metrics(request: fastapi.Request) -> fastapi.Response:
        """Give all metrics: OpenMetrics if the Accept header asks for it, else Prometheus text."""
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return fastapi.Response(encode(behind.own.telemetry.registry), headers={"content-type": content_type})

    return routes


def _dependency(seen: condition.Seen) -> dict[str, Any]:
    look = seen.look
    parts = look.answer.parts if look.answer is not None else ()
    return {
        "status": look.condition,
        "since": _time(seen.since),
        "latency_ms": look.latency_ms,
        "needed": look.needed,
        # What exactly is wrong stands in the logs: addresses are nobody's business out here.
        "message": condition.cause(look),
        "parts": {part.name: _part(part) for part in parts},
    }


def _part(part: condition.Part) -> dict[str, Any]:
    since = None if part.since is None else _time(part.since)
    return {"status": part.condition, "since": since, "needed": part.needed, "reason": part.reason}


def _time(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
