"""Attempts in doubt over HTTP, for operators: the public ReconciliationService, field by field."""

from typing import Annotated

import fastapi
from reelmesh.v1 import reconciliation_service_pb2
from reelmesh_json import messages

from reelmesh_gateway.routes import answers, front
from reelmesh_gateway.wire import bodies
from reelmesh_gateway.wire import errors as wire_errors
from reelmesh_gateway.wire import reconciliation as wire

ROOT = "/api/v1/doubtful-attempts"

_AttemptId = Annotated[bodies.Text, fastapi.Path(description="UUID of the attempt.")]


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of attempts in doubt; the guard lets in only keys with the scope "admin"."""
    routes = fastapi.APIRouter(tags=["reconciliation"], responses=wire_errors.RESPONSES)

    @routes.get(ROOT, response_model=wire.ListDoubtfulAttemptsResponse)
    async def list_doubtful_attempts(
        query: Annotated[wire.ListDoubtfulAttemptsQuery, fastapi.Query()],
    ) -> fastapi.Response:
        """List attempts of which nobody knows what a provider made of them, the oldest first.

        They hold their money and their shot meanwhile. Needs the scope "admin".
        """
        asked = reconciliation_service_pb2.ListDoubtfulAttemptsRequest()
        messages.fill(asked, query.model_dump())
        return answers.answer(messages.to_json(await behind.doubts.ListDoubtfulAttempts(asked)))

    @routes.post(ROOT + "/{attempt_id}/adopt", response_model=wire.AdoptJobResponse)
    async def adopt_job(attempt_id: _AttemptId, body: wire.AdoptJobRequest) -> fastapi.Response:
        """State that a provider's job is the attempt's: it is watched from now on, and its result taken.

        409 when the attempt is not in doubt, or the job is another attempt's. Needs the scope "admin".
        """
        asked = reconciliation_service_pb2.AdoptJobRequest(
            attempt_id=attempt_id, job_id=body.job_id, reason=body.reason
        )
        return answers.answer(messages.to_json(await behind.doubts.AdoptJob(asked)))

    @routes.post(ROOT + "/{attempt_id}/resubmit", response_model=wire.ResubmitAttemptResponse)
    async def resubmit_attempt(attempt_id: _AttemptId, body: wire.ResubmitAttemptRequest) -> fastapi.Response:
        """Give the attempt up, its price counting as spent, and let the same provider be tried again.

        409 when it is not in doubt. Needs the scope "admin".
        """
        asked = reconciliation_service_pb2.ResubmitAttemptRequest(attempt_id=attempt_id, reason=body.reason)
        return answers.answer(messages.to_json(await behind.doubts.ResubmitAttempt(asked)))

    @routes.post(ROOT + "/{attempt_id}/write-off", response_model=wire.WriteOffAttemptResponse)
    async def write_off_attempt(attempt_id: _AttemptId, body: wire.WriteOffAttemptRequest) -> fastapi.Response:
        """Give the attempt up, its price counting as spent; its shot goes on with the next candidate.

        409 when it is not in doubt. Needs the scope "admin".
        """
        asked = reconciliation_service_pb2.WriteOffAttemptRequest(attempt_id=attempt_id, reason=body.reason)
        return answers.answer(messages.to_json(await behind.doubts.WriteOffAttempt(asked)))

    return routes
