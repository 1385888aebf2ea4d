"""How the gateway and what it depends on are doing, for people and machines; needs no key."""

import asyncio
from typing import Any

import fastapi
from prometheus_client import exposition
from reelmesh_kit import clock, health

from reelmesh_gateway.routes import answers, front

# Anybody may ask, so that asking often must not mean calling often.
REPORT_LIFETIME_SECONDS = 1.0

_SERVING = "ok"
_DEGRADED = "degraded"
_DOWN = "down"


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of health and metrics."""
    routes = fastapi.APIRouter(tags=["health"])
    reports = _Reports(behind.dependencies, behind.own.clock)

    @routes.get("/health")
    async def get_health() -> fastapi.Response:
        """Tell that the gateway answers."""
        return answers.answer({"status": _SERVING, "service": behind.own.service})

    @routes.get("/health/detailed")
    async def get_detailed_health() -> fastapi.Response:
        """Tell how each dependency is doing, with its latency in ms; 503 when a needed one is down."""
        body = _detailed(await reports.latest(), behind)
        return answers.answer(body, 503 if body["status"] == _DOWN else 200)

    @routes.get("/metrics", response_class=fastapi.responses.PlainTextResponse)
    async def get_metrics(request: fastapi.Request) -> fastapi.Response:
        """Give all metrics: OpenMetrics if the Accept header asks for it, else Prometheus text."""
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return fastapi.Response(encode(behind.own.telemetry.registry), headers={"content-type": content_type})

    return routes


class _Reports:
    """The latest report, made anew when it is old; who asks meanwhile waits for the same one."""

    def __init__(self, checks: health.Health, reports_clock: clock.Clock) -> None:
        self._checks = checks
        self._clock = reports_clock
        self._lock = asyncio.Lock()
        self._report: health.HealthReport | None = None
        self._made = 0.0

    async def latest(self) -> health.HealthReport:
        async with self._lock:
            old = self._clock.elapsed() - self._made >= REPORT_LIFETIME_SECONDS
            if self._report is None or old:
                self._report = await self._checks.report()
                self._made = self._clock.elapsed()
            return self._report


def _detailed(report: health.HealthReport, behind: front.Front) -> dict[str, Any]:
    down = {name for name, check in report.checks.items() if not check.ok}
    draining = behind.own.health.draining
    status = _DOWN if draining or down & behind.needed else _DEGRADED if down else _SERVING
    dependencies = {
        name: {
            "status": _SERVING if check.ok else _DOWN,
            "latency_ms": check.latency_ms,
            "needed": name in behind.needed,
            # What exactly is wrong stands in the logs: addresses are nobody's business out here.
            "message": "" if check.ok else "It does not answer, or says that it cannot serve.",
        }
        for name, check in report.checks.items()
    }
    return {"status": status, "service": behind.own.service, "draining": draining, "dependencies": dependencies}
