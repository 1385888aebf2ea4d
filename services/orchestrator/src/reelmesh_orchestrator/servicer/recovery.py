"""RecoveryService, for operators whose record went back."""

from typing import Any

import grpc
from reelmesh.v1 import recovery_service_pb2, recovery_service_pb2_grpc

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.usecases import recovering

Context = grpc.aio.ServicerContext[Any, Any]


class RecoveryServicer(recovery_service_pb2_grpc.RecoveryServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: recovering.Recovering) -> None:
        """Take the verbs."""
        self._verbs = verbs

    async def StartRecovery(  # noqa: N802
        self, request: recovery_service_pb2.StartRecoveryRequest, context: Context
    ) -> recovery_service_pb2.StartRecoveryResponse:
        """Look for lost jobs."""
        return recovery_service_pb2.StartRecoveryResponse(recovery=_report(await self._verbs.start(request.reason)))

    async def GetRecovery(  # noqa: N802
        self, request: recovery_service_pb2.GetRecoveryRequest, context: Context
    ) -> recovery_service_pb2.GetRecoveryResponse:
        """Tell how far it is."""
        state = await self._verbs.state()
        return recovery_service_pb2.GetRecoveryResponse(recovery=_report(state) if state else None)

    async def ListOrphans(  # noqa: N802
        self, request: recovery_service_pb2.ListOrphansRequest, context: Context
    ) -> recovery_service_pb2.ListOrphansResponse:
        """List jobs that belong to nobody."""
        found, place = await self._verbs.orphans(wire.orphans_from_token(request.page_token), request.page_size)
        return recovery_service_pb2.ListOrphansResponse(
            orphans=[wire.orphan_to_proto(one) for one in found], next_page_token=wire.token_of_orphans(place)
        )

    async def ReleaseAccount(  # noqa: N802
        self, request: recovery_service_pb2.ReleaseAccountRequest, context: Context
    ) -> recovery_service_pb2.ReleaseAccountResponse:
        """Release a parked account."""
        state = await self._verbs.release(request.account_id, request.reason)
        return recovery_service_pb2.ReleaseAccountResponse(recovery=_report(state))


def _report(state: recovering.State) -> recovery_service_pb2.RecoveryReport:
    return wire.report_to_proto(state.era, state.censuses, orphans=state.orphans)
