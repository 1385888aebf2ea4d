"""ReconciliationService, for operators who have looked at a provider's console."""

from typing import Any

import grpc
from reelmesh.v1 import reconciliation_service_pb2, reconciliation_service_pb2_grpc

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.servicer import parsing
from reelmesh_orchestrator.usecases import reconciling

Context = grpc.aio.ServicerContext[Any, Any]


class ReconciliationServicer(reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: reconciling.Reconciling) -> None:
        """Take the verbs."""
        self._verbs = verbs

    async def ListDoubtfulAttempts(  # noqa: N802
        self, request: reconciliation_service_pb2.ListDoubtfulAttemptsRequest, context: Context
    ) -> reconciliation_service_pb2.ListDoubtfulAttemptsResponse:
        """List attempts in doubt."""
        found, place = await self._verbs.doubtful(wire.doubts_from_token(request.page_token), request.page_size)
        return reconciliation_service_pb2.ListDoubtfulAttemptsResponse(
            attempts=[wire.doubt_to_proto(one) for one in found], next_page_token=wire.token_of_doubts(place)
        )

    async def AdoptJob(  # noqa: N802
        self, request: reconciliation_service_pb2.AdoptJobRequest, context: Context
    ) -> reconciliation_service_pb2.AdoptJobResponse:
        """State whose a job is."""
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        doubt = await self._verbs.adopt(attempt_id, request.job_id, parsing.operator(), request.reason)
        return reconciliation_service_pb2.AdoptJobResponse(attempt=wire.doubt_to_proto(doubt))

    async def ResubmitAttempt(  # noqa: N802
        self, request: reconciliation_service_pb2.ResubmitAttemptRequest, context: Context
    ) -> reconciliation_service_pb2.ResubmitAttemptResponse:
        """Give an attempt up for another at the same provider."""
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        doubt = await self._verbs.resubmit(attempt_id, parsing.operator(), request.reason)
        return reconciliation_service_pb2.ResubmitAttemptResponse(attempt=wire.doubt_to_proto(doubt))

    async def WriteOffAttempt(  # noqa: N802
        self, request: reconciliation_service_pb2.WriteOffAttemptRequest, context: Context
    ) -> reconciliation_service_pb2.WriteOffAttemptResponse:
        """Give an attempt up."""
        attempt_id = parsing.identifier("attempt_id", request.attempt_id)
        doubt = await self._verbs.write_off(attempt_id, parsing.operator(), request.reason)
        return reconciliation_service_pb2.WriteOffAttemptResponse(attempt=wire.doubt_to_proto(doubt))
