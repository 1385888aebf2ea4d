"""The orchestrator's ReconciliationService, in memory."""

import uuid
from typing import Any

from google.protobuf import timestamp_pb2
from reelmesh.v1 import generation_pb2, reconciliation_service_pb2, reconciliation_service_pb2_grpc
from reelmesh_kit import rpc
from typing_extensions import override

NOON = timestamp_pb2.Timestamp(seconds=1_798_891_200)
ATTEMPT_ID = str(uuid.UUID(int=7))


class FakeReconciliation(reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Has one attempt in doubt; remembers what operators say, and who says it."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.callers: list[rpc.Caller] = []
        self.refuse_with: Exception | None = None
        self.attempt = reconciliation_service_pb2.DoubtfulAttempt(
            attempt_id=ATTEMPT_ID,
            generation_id=str(uuid.UUID(int=8)),
            tenant_id="acme",
            account_id="runway-1",
            provider="runway",
            model="gen4.5",
            state=generation_pb2.ATTEMPT_STATE_INDETERMINATE,
            held_micros=600_000,
            submit_time=NOON,
            message="no answer came",
        )

    @override
    async def ListDoubtfulAttempts(self, request: Any, context: Any) -> Any:
        self._called(request)
        return reconciliation_service_pb2.ListDoubtfulAttemptsResponse(attempts=[self.attempt], next_page_token="more")

    @override
    async def AdoptJob(self, request: Any, context: Any) -> Any:
        self._called(request)
        self.attempt.state, self.attempt.job_id = generation_pb2.ATTEMPT_STATE_ACCEPTED, request.job_id
        return reconciliation_service_pb2.AdoptJobResponse(attempt=self.attempt)

    @override
    async def ResubmitAttempt(self, request: Any, context: Any) -> Any:
        self._called(request)
        self.attempt.state = generation_pb2.ATTEMPT_STATE_WRITTEN_OFF
        return reconciliation_service_pb2.ResubmitAttemptResponse(attempt=self.attempt)

    @override
    async def WriteOffAttempt(self, request: Any, context: Any) -> Any:
        self._called(request)
        self.attempt.state = generation_pb2.ATTEMPT_STATE_WRITTEN_OFF
        return reconciliation_service_pb2.WriteOffAttemptResponse(attempt=self.attempt)

    def _called(self, request: Any) -> None:
        self.requests.append(request)
        self.callers.append(rpc.caller())
        if self.refuse_with is not None:
            raise self.refuse_with
