"""The public ReconciliationService: lets operators in by their key and passes their calls on to the orchestrator."""

from typing import Any

from reelmesh.v1 import reconciliation_service_pb2, reconciliation_service_pb2_grpc
from typing_extensions import override

from reelmesh_gateway.model import keys
from reelmesh_gateway.servicer import admission


class Reconciliation(reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Serves `reelmesh.v1.ReconciliationService` to keys with the scope "admin"."""

    def __init__(
        self,
        door: admission.Admission,
        orchestrator: "reconciliation_service_pb2_grpc.ReconciliationServiceAsyncStub",
    ) -> None:
        """Pass calls on to `orchestrator`."""
        self._door = door
        self._orchestrator = orchestrator

    @override
    async def ListDoubtfulAttempts(
        self, request: reconciliation_service_pb2.ListDoubtfulAttemptsRequest, context: Any
    ) -> reconciliation_service_pb2.ListDoubtfulAttemptsResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListDoubtfulAttempts(request)

    @override
    async def AdoptJob(
        self, request: reconciliation_service_pb2.AdoptJobRequest, context: Any
    ) -> reconciliation_service_pb2.AdoptJobResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.AdoptJob(request)

    @override
    async def ResubmitAttempt(
        self, request: reconciliation_service_pb2.ResubmitAttemptRequest, context: Any
    ) -> reconciliation_service_pb2.ResubmitAttemptResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ResubmitAttempt(request)

    @override
    async def WriteOffAttempt(
        self, request: reconciliation_service_pb2.WriteOffAttemptRequest, context: Any
    ) -> reconciliation_service_pb2.WriteOffAttemptResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.WriteOffAttempt(request)
