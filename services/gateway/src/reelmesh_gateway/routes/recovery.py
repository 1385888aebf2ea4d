"""Recovery over HTTP, for operators: the public RecoveryService, field by field."""

from typing import Annotated

import fastapi
from reelmesh.v1 import recovery_service_pb2
from reelmesh_json import messages

from reelmesh_gateway.routes import answers, front
from reelmesh_gateway.wire import bodies
from reelmesh_gateway.wire import errors as wire_errors
from reelmesh_gateway.wire import recovery as wire

ROOT = "/api/v1/recovery"

_AccountId = Annotated[bodies.Text, fastapi.Path(description="The account, as the report names it.")]


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of recovery; the guard lets in only keys with the scope "admin"."""
    routes = fastapi.APIRouter(tags=["recovery"], responses=wire_errors.RESPONSES)

    @routes.get(ROOT, response_model=wire.GetRecoveryResponse)
    async def get_recovery() -> fastapi.Response:
        """Tell how far the search for lost jobs is since the record went back, or how the last one went.

        Needs the scope "admin".
        """
        found = await behind.recovery.GetRecovery(recovery_service_pb2.GetRecoveryRequest())
        return answers.answer(messages.to_json(found))

    @routes.post(ROOT, status_code=202, response_model=wire.StartRecoveryResponse)
    async def start_recovery(body: wire.StartRecoveryRequest) -> fastapi.Response:
        """Look for lost jobs, although the record seems to be what it was; nothing is submitted meanwhile.

        While that is being done already it is only reported. Needs the scope "admin".
        """
        asked = recovery_service_pb2.StartRecoveryRequest(reason=body.reason or "")
        return answers.answer(messages.to_json(await behind.recovery.StartRecovery(asked)), 202)

    @routes.get(ROOT + "/orphans", response_model=wire.ListOrphansResponse)
    async def list_orphans(query: Annotated[wire.ListOrphansQuery, fastapi.Query()]) -> fastapi.Response:
        """List jobs that accounts have and that belong to nobody. Needs the scope "admin"."""
        asked = recovery_service_pb2.ListOrphansRequest()
        messages.fill(asked, query.model_dump())
        return answers.answer(messages.to_json(await behind.recovery.ListOrphans(asked)))

    @routes.post(ROOT + "/accounts/{account_id}/release", response_model=wire.ReleaseAccountResponse)
    async def release_account(account_id: _AccountId, body: wire.ReleaseAccountRequest) -> fastapi.Response:
        """State that a parked account has no job that is not known: what waits for it goes on.

        409 when it is not parked. Needs the scope "admin".
        """
        asked = recovery_service_pb2.ReleaseAccountRequest(account_id=account_id, reason=body.reason or "")
        return answers.answer(messages.to_json(await behind.recovery.ReleaseAccount(asked)))

    return routes
