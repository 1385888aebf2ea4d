"""Whether a service that we call is there: gRPC's own health protocol."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

CHECK_SECONDS = 1.5


def check(name: str, channel: grpc.aio.Channel) -> Callable[[], Awaitable[None]]:
    """Return a health check for the service behind `channel`; it raises when the service does not serve."""
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are missing in the stubs

    async def run() -> None:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            word = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
            raise RuntimeError(f"{name} says {word}.")

    return run
