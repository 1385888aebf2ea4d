"""How a service tells others how it is: to gRPC's health protocol by yes and no, to the mesh part by part.

Health by the name of a service follows the checks: it is for who chooses where to send calls. Health by no name ("")
says only that the process serves, and does not go away: it is for who restarts what hangs, and a restart mends no
database.
"""

import datetime
import logging
from typing import Any, cast

from google.protobuf import duration_pb2, timestamp_pb2
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2
from reelmesh.mesh.v1 import health_service_pb2, health_service_pb2_grpc

from reelmesh_kit import health, process

NAME = health_service_pb2.DESCRIPTOR.services_by_name["HealthService"].full_name
# Older than this no answer is: many may ask, and each look costs the database a query.
LIFETIME_SECONDS = 1.0

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Readiness:
    """Keeps gRPC's health of some services as the checks of their process say."""

    def __init__(self, chassis: process.Chassis, names: list[str]) -> None:
        """Speak for the services with these names."""
        self._chassis = chassis
        self._names = names
        self._steady = health.Steady()
        self._told: bool | None = None
        # The stubs lack `aio`.
        self.servicer: Any = cast(Any, grpc_health).aio.HealthServicer()

    async def look(self) -> None:
        """Look once and tell: before anybody can ask."""
        await self._tell(await self._chassis.health.report())

    async def follow(self) -> None:
        """Look and tell, for ever."""
        await self._chassis.health.follow(self._tell)

    async def _tell(self, report: health.HealthReport) -> None:
        ready = self._steady.see(report.ready)
        if ready is self._told:
            return
        for name in self._names:
            await self.servicer.set(name, _SERVING if ready else _NOT_SERVING)
        if not ready:
            # Who goes away on purpose has nothing to warn of.
            level = logging.INFO if self._chassis.health.draining else logging.WARNING
            self._chassis.logger.log(level, "Not ready: %s", _ailing(report))
        elif self._told is not None:
            self._chassis.logger.info("Ready again.")
        self._told = ready


class HealthServicer(health_service_pb2_grpc.HealthServiceServicer):
    """Answers HealthService: for the mesh alone, for it names what lies behind a service."""

    def __init__(self, chassis: process.Chassis) -> None:
        """Tell what the checks of `chassis` say."""
        self._chassis = chassis

    async def GetHealth(  # noqa: N802 - gRPC's name
        self, request: health_service_pb2.GetHealthRequest, context: Any
    ) -> health_service_pb2.GetHealthResponse:
        """Tell how each part is, or was a moment ago."""
        report = await self._chassis.health.recent(LIFETIME_SECONDS)
        checks = [_message(name, result) for name, result in report.checks.items()]
        return health_service_pb2.GetHealthResponse(ready=report.ready, checks=checks)


def _ailing(report: health.HealthReport) -> str:
    ailing = {name: each for name, each in report.checks.items() if each.needed and not each.ok}
    return "; ".join(f"{name}: {each.message}" for name, each in ailing.items())


def _message(name: str, result: health.CheckResult) -> health_service_pb2.HealthCheck:
    message = health_service_pb2.HealthCheck(
        name=name,
        ok=result.ok,
        needed=result.needed,
        reason=f"ERROR_REASON_{result.reason or 'UNSPECIFIED'}",
        message=result.message,
        latency=duration_pb2.Duration(),
    )
    message.latency.FromTimedelta(datetime.timedelta(milliseconds=result.latency_ms))
    if result.since is not None:
        since = timestamp_pb2.Timestamp()
        since.FromDatetime(result.since)
        message.since_time.CopyFrom(since)
    return message
