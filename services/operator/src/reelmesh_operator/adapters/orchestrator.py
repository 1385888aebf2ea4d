"""The orchestrator, which knows how much work there is, and tells workers that they are cordoned."""

from collections.abc import Mapping, Sequence

import grpc
from google.protobuf import duration_pb2
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc

from reelmesh_operator.model import pools
from reelmesh_operator.wire import answers


class OrchestratorSignals:
    """`ports.Signals` by gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take a channel to the orchestrator."""
        self._stub = pool_service_pb2_grpc.PoolServiceStub(channel)

    async def signals(self, queues: Sequence[pools.Queue], asked_at: float) -> Mapping[pools.Queue, pools.Signal]:
        """Return what there is to do, by queue."""
        answer = await self._stub.ListPools(pool_service_pb2.ListPoolsRequest())
        return {queue: answers.signal_from_proto(queue, answer.pools, asked_at) for queue in queues}

    async def cordon(self, queue: pools.Queue, names: Sequence[str], hold_seconds: float) -> None:
        """Say which workers of a queue take no new work."""
        kind, name = answers.key(queue)
        hold = duration_pb2.Duration()
        hold.FromMicroseconds(round(hold_seconds * 1e6))
        request = pool_service_pb2.CordonWorkersRequest(kind=kind, pool=name, names=names, hold=hold)
        await self._stub.CordonWorkers(request)
