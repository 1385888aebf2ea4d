"""The services that we call, as the port `Peer`: asked by the mesh's own HealthService."""

import datetime

from google.protobuf import timestamp_pb2
from reelmesh.mesh.v1 import health_service_pb2, health_service_pb2_grpc
from reelmesh.v1 import error_reason_pb2

from reelmesh_gateway.model import condition

ASK_SECONDS = 1.5
# Parts of one service that are told; the kit's services have a handful.
PARTS_LIMIT = 32

_PREFIX = "ERROR_REASON_"


class Peer:
    """One service behind a channel."""

    def __init__(self, stub: "health_service_pb2_grpc.HealthServiceAsyncStub") -> None:
        """Ask by `stub`."""
        self._stub = stub

    async def ask(self) -> condition.Answer:
        """Return how the service says that it is."""
        said = await self._stub.GetHealth(health_service_pb2.GetHealthRequest(), timeout=ASK_SECONDS)
        return condition.Answer(said.ready, [_part(each) for each in said.checks[:PARTS_LIMIT]])


def _part(check: health_service_pb2.HealthCheck) -> condition.Part:
    return condition.Part(
        name=check.name,
        ok=check.ok,
        needed=check.needed,
        reason="" if check.ok else _word(check.reason),
        since=_moment(check.since_time) if check.HasField("since_time") else None,
    )


def _word(reason: error_reason_pb2.ErrorReason) -> str:
    known = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(reason)
    return known.name.removeprefix(_PREFIX) if known is not None and reason else "INTERNAL"


def _moment(message: timestamp_pb2.Timestamp) -> datetime.datetime:
    return message.ToDatetime(datetime.UTC)
