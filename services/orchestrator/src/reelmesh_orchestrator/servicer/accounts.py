"""AccountService, for operators who look after accounts."""

from typing import Any

import grpc
from reelmesh.v1 import account_service_pb2, account_service_pb2_grpc

from reelmesh_orchestrator.servicer import parsing
from reelmesh_orchestrator.usecases import looking, switching
from reelmesh_orchestrator.wire import accounts as wire
from reelmesh_orchestrator.wire import pools as pools_wire

Context = grpc.aio.ServicerContext[Any, Any]


class AccountServicer(account_service_pb2_grpc.AccountServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: switching.Switching, seen: looking.Looking) -> None:
        """Take the verbs, and who knows the pools."""
        self._verbs = verbs
        self._seen = seen

    async def ListAccounts(  # noqa: N802
        self, request: account_service_pb2.ListAccountsRequest, context: Context
    ) -> account_service_pb2.ListAccountsResponse:
        """List accounts."""
        found = await self._verbs.accounts()
        return account_service_pb2.ListAccountsResponse(accounts=map(wire.account_to_proto, found))

    async def ListSwitches(  # noqa: N802
        self, request: account_service_pb2.ListSwitchesRequest, context: Context
    ) -> account_service_pb2.ListSwitchesResponse:
        """List what is switched off."""
        found = await self._verbs.switches()
        return account_service_pb2.ListSwitchesResponse(switches=map(wire.switch_to_proto, found))

    async def SwitchOff(  # noqa: N802
        self, request: account_service_pb2.SwitchOffRequest, context: Context
    ) -> account_service_pb2.SwitchOffResponse:
        """Switch something off."""
        target = wire.target_from_proto(request.target)
        switch = await self._verbs.off(target, parsing.operator(), request.reason)
        return account_service_pb2.SwitchOffResponse(switch=wire.switch_to_proto(switch))

    async def SwitchOn(  # noqa: N802
        self, request: account_service_pb2.SwitchOnRequest, context: Context
    ) -> account_service_pb2.SwitchOnResponse:
        """Switch something on."""
        target = wire.target_from_proto(request.target)
        remaining = await self._verbs.on(target, parsing.operator(), request.reason)
        return account_service_pb2.SwitchOnResponse(remaining=map(wire.switch_to_proto, remaining))

    async def ListHealthEvents(  # noqa: N802
        self, request: account_service_pb2.ListHealthEventsRequest, context: Context
    ) -> account_service_pb2.ListHealthEventsResponse:
        """List what happened."""
        before = wire.position_from_token(request.page_token)
        found, position = await self._verbs.history(before, request.page_size)
        return account_service_pb2.ListHealthEventsResponse(
            events=map(wire.health_event_to_proto, found), next_page_token=str(position or "")
        )

    async def ListPools(  # noqa: N802
        self, request: account_service_pb2.ListPoolsRequest, context: Context
    ) -> account_service_pb2.ListPoolsResponse:
        """List the pools of workers."""
        found = await self._seen.pools()
        return account_service_pb2.ListPoolsResponse(pools=map(pools_wire.pool_to_proto, found))
