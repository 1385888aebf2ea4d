"""AttemptService, for provider workers."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from reelmesh_kit import errors

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.model import facts
from reelmesh_orchestrator.servicer import parsing
from reelmesh_orchestrator.usecases import attempts

Context = grpc.aio.ServicerContext[Any, Any]


class AttemptServicer(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: attempts.Attempts, *, submit_within_seconds: float) -> None:
        """Take the verbs and the window that a go is good for."""
        self._verbs = verbs
        self._submit_within_seconds = submit_within_seconds

    async def Begin(  # noqa: N802
        self, request: attempt_service_pb2.BeginRequest, context: Context
    ) -> attempt_service_pb2.BeginResponse:
        """Give leave to submit, or not."""
        if not request.nonce:
            raise errors.InvalidArgument("nonce", "must be a fresh token")
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        told = wire.mark_from_proto(request.mark)
        leave = await self._verbs.begin(attempt_id, request.worker_id, request.nonce, told)
        answer = attempt_service_pb2.BeginResponse()
        if leave.go:
            answer.go.submit_within.FromMicroseconds(round(self._submit_within_seconds * 1e6))
        else:
            answer.drop.reason = leave.reason
            answer.drop.come_again = leave.come_again
        return answer

    async def Record(  # noqa: N802
        self, request: attempt_service_pb2.RecordRequest, context: Context
    ) -> attempt_service_pb2.RecordResponse:
        """Take the id that a provider gave."""
        if not request.job_id:
            raise errors.InvalidArgument("job_id", "must be the provider's id of the job")
        job = facts.Job(
            project=request.project,
            job_id=request.job_id,
            attempt_id=parsing.identifier("attempt_id", request.attempt_id),
            evidence=wire.evidence_from_proto(request.evidence),
        )
        cancel_now = await self._verbs.record(job, request.worker_id, request.account_id, request.model)
        return attempt_service_pb2.RecordResponse(cancel_now=cancel_now)

    async def Decline(  # noqa: N802
        self, request: attempt_service_pb2.DeclineRequest, context: Context
    ) -> attempt_service_pb2.DeclineResponse:
        """Take how a submit ended that yielded no id."""
        await self._verbs.decline(
            parsing.identifier("attempt_id", request.attempt_id),
            request.nonce,
            wire.verdict_from_proto(request.verdict),
            wire.told(request.message),
            request.retry_after.ToMicroseconds() / 1e6,
        )
        return attempt_service_pb2.DeclineResponse()

    async def Finish(  # noqa: N802
        self, request: attempt_service_pb2.FinishRequest, context: Context
    ) -> attempt_service_pb2.FinishResponse:
        """Take the end of a job."""
        if not request.job_id:
            raise errors.InvalidArgument("job_id", "must be the provider's id of the job")
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        await self._verbs.finish(attempt_id, wire.ended_from_proto(request))
        return attempt_service_pb2.FinishResponse()

    async def Conclude(  # noqa: N802
        self, request: attempt_service_pb2.ConcludeRequest, context: Context
    ) -> attempt_service_pb2.ConcludeResponse:
        """Take the conclusion that nothing was created."""
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        accepted = await self._verbs.conclude(attempt_id, request.revision, wire.told(request.message))
        return attempt_service_pb2.ConcludeResponse(accepted=accepted)

    async def GiveBack(  # noqa: N802
        self, request: attempt_service_pb2.GiveBackRequest, context: Context
    ) -> attempt_service_pb2.GiveBackResponse:
        """Take back what a worker will not begin."""
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        await self._verbs.give_back(attempt_id, wire.told(request.reason), unreachable=request.provider_unreachable)
        return attempt_service_pb2.GiveBackResponse()
