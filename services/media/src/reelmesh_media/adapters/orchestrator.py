"""Takes steps from the orchestrator, and keeps the lease that says that this worker lives."""

import uuid
from collections.abc import Collection

import grpc
from reelmesh.mesh.v1 import pool_service_pb2, pool_service_pb2_grpc, step_service_pb2, step_service_pb2_grpc
from reelmesh_kit import ids

from reelmesh_media import wire
from reelmesh_media.model import steps


class OrchestratorSteps:
    """The orchestrator's book of steps."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take a channel to the orchestrator."""
        self._stub = step_service_pb2_grpc.StepServiceStub(channel)

    async def begin(self, step_id: uuid.UUID, worker_id: str) -> steps.Work | steps.Nothing:
        """Take a step, or learn why not."""
        request = step_service_pb2.BeginStepRequest(step_id=str(step_id), worker_id=worker_id)
        answer = await self._stub.BeginStep(request)
        if answer.WhichOneof("answer") == "work":
            return wire.work_from_proto(answer.work)
        return steps.Nothing(answer.drop.reason, answer.drop.ask_again_after.ToMicroseconds() / 1e6)

    async def finish(self, work: steps.Work, worker_id: str, result: steps.Result) -> bool:
        """Write down how a run ended."""
        answer = await self._stub.FinishStep(wire.finish_to_proto(work, worker_id, result))
        return answer.accepted


class OrchestratorLease:
    """The lease of this process; one that lapsed is followed by one under a new id."""

    def __init__(self, channel: grpc.aio.Channel, fresh: ids.Ids, name: str) -> None:
        """Take a channel to the orchestrator, the source of worker ids, and a name for people."""
        self._stub = pool_service_pb2_grpc.PoolServiceStub(channel)
        self._ids = fresh
        self._name = name
        self.worker_id = str(fresh.fresh())
        #: Whether it is to take nothing new.
        self.cordoned = False

    async def renew(self, tokens: Collection[str], *, idle: bool) -> float:
        """Renew the lease, naming the runs at work; return after how many seconds to do so again."""
        request = pool_service_pb2.RenewLeaseRequest(
            worker_id=self.worker_id,
            kind="media",
            pool="media",
            name=self._name,
            step_tokens=tokens,
            cordoned=self.cordoned,
            idle=idle,
        )
        answer = await self._stub.RenewLease(request)
        if not answer.held:
            self.worker_id = str(self._ids.fresh())
            self.cordoned = False
            return 0.0
        self.cordoned = answer.cordoned
        return answer.renew_every.ToMicroseconds() / 1e6

    async def release(self) -> None:
        """End the lease: what this process ran goes to others at once."""
        await self._stub.ReleaseLease(pool_service_pb2.ReleaseLeaseRequest(worker_id=self.worker_id))
