"""Accounts and switches over HTTP, for operators: the public AccountService, field by field."""

from typing import Annotated

import fastapi
from reelmesh.v1 import account_service_pb2
from reelmesh_json import messages

from reelmesh_gateway.routes import answers, front
from reelmesh_gateway.wire import accounts as wire
from reelmesh_gateway.wire import errors as wire_errors

ACCOUNTS = "/api/v1/accounts"
SWITCHES = "/api/v1/switches"
EVENTS = "/api/v1/health-events"
POOLS = "/api/v1/pools"


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes of accounts; the guard lets in only keys with the scope "admin"."""
    routes = fastapi.APIRouter(tags=["accounts"], responses=wire_errors.RESPONSES)

    @routes.get(ACCOUNTS, response_model=wire.ListAccountsResponse)
    async def list_accounts() -> fastapi.Response:
        """List the accounts at providers, with the health of each of their models. Needs the scope "admin"."""
        asked = account_service_pb2.ListAccountsRequest()
        return answers.answer(messages.to_json(await behind.accounts.ListAccounts(asked)))

    @routes.get(SWITCHES, response_model=wire.ListSwitchesResponse)
    async def list_switches() -> fastapi.Response:
        """List what is switched off, the oldest first. Needs the scope "admin"."""
        asked = account_service_pb2.ListSwitchesRequest()
        return answers.answer(messages.to_json(await behind.accounts.ListSwitches(asked)))

    @routes.post(SWITCHES + "/off", response_model=wire.SwitchOffResponse)
    async def switch_off(body: wire.SwitchOffRequest) -> fastapi.Response:
        """Switch a provider, an account or a model off: nothing new is submitted there, what is in flight goes on.

        Needs the scope "admin".
        """
        asked = account_service_pb2.SwitchOffRequest()
        messages.fill(asked, body.model_dump())
        return answers.answer(messages.to_json(await behind.accounts.SwitchOff(asked)))

    @routes.post(SWITCHES + "/on", response_model=wire.SwitchOnResponse)
    async def switch_on(body: wire.SwitchOnRequest) -> fastapi.Response:
        """Switch on what was switched off, by the same names. Needs the scope "admin"."""
        asked = account_service_pb2.SwitchOnRequest()
        messages.fill(asked, body.model_dump())
        return answers.answer(messages.to_json(await behind.accounts.SwitchOn(asked)))

    @routes.get(EVENTS, response_model=wire.ListHealthEventsResponse)
    async def list_health_events(query: Annotated[wire.ListHealthEventsQuery, fastapi.Query()]) -> fastapi.Response:
        """List what happened to circuit breakers and switches, newest first. Needs the scope "admin"."""
        asked = account_service_pb2.ListHealthEventsRequest()
        messages.fill(asked, query.model_dump())
        return answers.answer(messages.to_json(await behind.accounts.ListHealthEvents(asked)))

    @routes.get(POOLS, response_model=wire.ListPoolsResponse)
    async def list_pools() -> fastapi.Response:
        """List the pools of workers: what there is to do in each, and who does it. Needs the scope "admin"."""
        asked = account_service_pb2.ListPoolsRequest()
        return answers.answer(messages.to_json(await behind.accounts.ListPools(asked)))

    return routes
