"""The orchestrator's RecoveryService, in memory."""

import uuid
from typing import Any

from google.protobuf import timestamp_pb2
from reelmesh.v1 import recovery_service_pb2, recovery_service_pb2_grpc
from reelmesh_kit import errors, rpc
from typing_extensions import override

NOON = timestamp_pb2.Timestamp(seconds=1_798_891_200, nanos=500_000_000)


class FakeRecovery(recovery_service_pb2_grpc.RecoveryServiceServicer):
    """Has one account that is parked and one orphan; remembers what operators say, and who says it."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.callers: list[rpc.Caller] = []
        self.refuse_with: Exception | None = None
        self.report = recovery_service_pb2.RecoveryReport(
            era_id=str(uuid.UUID(int=2)),
            number=2,
            state=recovery_service_pb2.RECOVERY_STATE_LOOKING,
            reason="the database was put back",
            begin_time=NOON,
            accounts=[
                recovery_service_pb2.AccountCensus(
                    account_id="sora", provider="sora", state=recovery_service_pb2.CENSUS_STATE_PARKED
                )
            ],
            orphans=True,
        )

    @override
    async def StartRecovery(self, request: Any, context: Any) -> Any:
        self._called(request)
        self.report.reason = request.reason
        return recovery_service_pb2.StartRecoveryResponse(recovery=self.report)

    @override
    async def GetRecovery(self, request: Any, context: Any) -> Any:
        self._called(request)
        return recovery_service_pb2.GetRecoveryResponse(recovery=self.report)

    @override
    async def ListOrphans(self, request: Any, context: Any) -> Any:
        self._called(request)
        orphan = recovery_service_pb2.Orphan(
            account_id="sora",
            provider="sora",
            job_id="job-1",
            evidence=recovery_service_pb2.ORPHAN_EVIDENCE_ADOPTION,
            find_time=NOON,
        )
        return recovery_service_pb2.ListOrphansResponse(orphans=[orphan], next_page_token="more")

    @override
    async def ReleaseAccount(self, request: Any, context: Any) -> Any:
        self._called(request)
        (account,) = self.report.accounts
        if account.account_id != request.account_id:
            raise errors.NotFound
        account.state = recovery_service_pb2.CENSUS_STATE_RELEASED
        account.message = request.reason
        return recovery_service_pb2.ReleaseAccountResponse(recovery=self.report)

    def _called(self, request: Any) -> None:
        self.requests.append(request)
        self.callers.append(rpc.caller())
        if self.refuse_with is not None:
            raise self.refuse_with
