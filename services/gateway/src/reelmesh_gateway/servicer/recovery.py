"""The public RecoveryService: lets operators in by their key and passes their calls on to the orchestrator."""

from typing import Any

from reelmesh.v1 import recovery_service_pb2, recovery_service_pb2_grpc
from typing_extensions import override

from reelmesh_gateway.model import keys
from reelmesh_gateway.servicer import admission


class Recovery(recovery_service_pb2_grpc.RecoveryServiceServicer):
    """Serves `reelmesh.v1.RecoveryService` to keys with the scope "admin"."""

    def __init__(
        self, door: admission.Admission, orchestrator: "recovery_service_pb2_grpc.RecoveryServiceAsyncStub"
    ) -> None:
        """Pass calls on to `orchestrator`."""
        self._door = door
        self._orchestrator = orchestrator

    @override
    async def StartRecovery(
        self, request: recovery_service_pb2.StartRecoveryRequest, context: Any
    ) -> recovery_service_pb2.StartRecoveryResponse:
        """Pass a start on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.StartRecovery(request)

    @override
    async def GetRecovery(
        self, request: recovery_service_pb2.GetRecoveryRequest, context: Any
    ) -> recovery_service_pb2.GetRecoveryResponse:
        """Pass a read on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.GetRecovery(request)

    @override
    async def ListOrphans(
        self, request: recovery_service_pb2.ListOrphansRequest, context: Any
    ) -> recovery_service_pb2.ListOrphansResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListOrphans(request)

    @override
    async def ReleaseAccount(
        self, request: recovery_service_pb2.ReleaseAccountRequest, context: Any
    ) -> recovery_service_pb2.ReleaseAccountResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ReleaseAccount(request)
